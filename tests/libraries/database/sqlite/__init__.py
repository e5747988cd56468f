"""The way in from LiftLog's SQLite database."""
