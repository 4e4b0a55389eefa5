"""Representations to families, families to lasting campaigns."""
