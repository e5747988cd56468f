"""The way in from LiftLog's SQLite database, which LiftLog uses for one household.

file.py       opens the file, read-only and consistent
liftlog.py    its tables and rows, compared with LiftLog's and checked
values.py     SQLite's values in the types of PostgreSQL
transfer.py   writes the rows into PostgreSQL, in one transaction
"""
