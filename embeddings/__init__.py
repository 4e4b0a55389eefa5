"""Prompt text to comparable representations: scaffold features, skeletons, vectors and their index."""
