"""Files of LiftLog: plain text, and backups that hold a database."""
