"""Families to the accounts responsible, and the tier a family earns."""
