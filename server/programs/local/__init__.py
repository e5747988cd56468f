"""`gymlocker up`: the stack on one machine, started, supervised and stopped by one command.

up.py                  the order of start and stop
options.py             the options of the command, and the check that addresses are free
data_directory.py      the data folder: permissions, lock, signing key, sockets
postgres.py            the embedded PostgreSQL
orphans.py             processes of PostgreSQL left by an `up` that was killed
probes.py              the readiness probes of the processes
shutdown.py            signals
temporary_postgres.py  PostgreSQL for tests
"""
