"""Families to something a person can read: template, keyphrases, objective, title."""
