"""Performance of the live feed: delivery, idle streams, and what it costs others."""
