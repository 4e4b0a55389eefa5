"""Confirmed campaigns out of the door: to enforcement tools, and to partners."""
