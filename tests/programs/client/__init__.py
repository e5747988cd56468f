"""Tests of the diary from the command line: commands in this process, and a few as processes."""
