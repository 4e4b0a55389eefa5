"""What people look at: the map of a run."""
