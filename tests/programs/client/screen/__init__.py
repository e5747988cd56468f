"""Output on terminals and in files."""
