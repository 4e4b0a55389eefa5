"""Signals: one figure each about a family's accounts or slots, beside what chance or ordinary accounts would show."""
