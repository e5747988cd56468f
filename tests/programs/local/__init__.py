"""Tests of `gymlocker up` with real processes."""
