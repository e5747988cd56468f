"""`gymlocker up`: everything on one machine, started, watched and stopped by one command.

house.py        the order of things: folder, PostgreSQL, migrations, workers, Envoy, ready
folder.py       the data folder: who may enter, its lock, its sockets and logs
postgres.py     the embedded PostgreSQL: made once, then run as a child
processes.py    the supervisor: starts, watches, restarts and stops children
children.py     one child process at the level of the operating system
readiness.py    how to ask each of them whether it serves yet
system_user.py  whom PostgreSQL runs as when it is root who calls
throwaway.py    a PostgreSQL for the length of a test
"""
