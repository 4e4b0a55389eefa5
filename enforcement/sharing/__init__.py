"""What partners are told of confirmed campaigns: fingerprints, never text, unless somebody chooses to."""
