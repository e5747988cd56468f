"""`gymlocker demo --live`."""
