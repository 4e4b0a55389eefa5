"""Traffic with planted campaigns and innocent look-alikes: the demo, and the truth of the tests."""
