"""Bounds on what strangers can make the server store."""
