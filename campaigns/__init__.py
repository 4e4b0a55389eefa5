"""The floor: what a prompt, a family, a campaign is, and where each is kept. Imports no other room."""
