"""Tests of the client commands: most run in this process, a few as processes."""
