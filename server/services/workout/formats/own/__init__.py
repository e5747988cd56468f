"""Our own files: CSV with a line for each set, and JSON."""
