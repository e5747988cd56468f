"""`gymlocker up`: the stack on one machine, started, supervised and stopped by one command.

up.py                  the command: prepares a plan, with the data folder and the database
options.py             the options of the command, and the check that addresses are free
data_directory.py      the data folder: permissions, lock, signing key, sockets
postgres.py            the embedded PostgreSQL
orphans.py             processes of PostgreSQL left by an `up` that was killed
plan.py                the plan, and the change to the program that runs it
__main__.py, run.py    that program: the order of start and stop
probes.py              the readiness probes of the processes
shutdown.py            signals
terminal.py, welcome.py  output
temporary_postgres.py  PostgreSQL for tests
"""
