"""Traffic in: files of many shapes become checked, partitioned prompts, and rejected rows with a reason."""
