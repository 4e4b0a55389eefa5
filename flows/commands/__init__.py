"""The commands of `shoal`, one idea a file. Nothing heavy is imported before a command needs it."""
