"""The documentation: its commands are run word for word, and its claims are checked."""
