"""Administration from the command line: `gymlocker users`, `backups`, `keys` and `db`.

It works on the database itself, whether a server runs or not. The commands are declared in
server/programs/cli/administration.

    database_in_use.py    DATABASE_URL, or the embedded PostgreSQL of a data folder
    user_repository.py    what the operator reads and changes of users
    users.py              users by name; their passwords
    backups.py            backups of the app of all users
    keys.py               access keys of all users
    hints.py              hints to running workers
    forwarding.py         forwarded names that become accounts
    export.py             a person's data as one file
    screen.py             tables, and the same as JSON
    dump.py               `db backup`
    restore.py            `db restore`
    dump_contents.py      the releases that a dump can be restored by
    postgres_programs.py  pg_dump, pg_restore and psql of the right version
    libpq.py              a database's URL for these programs
"""
