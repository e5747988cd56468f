"""Tests of limits on what strangers can make the server store."""
