"""What a person looks at: the map of a day."""
