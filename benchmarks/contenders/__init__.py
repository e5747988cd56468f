"""What Gymlocker is compared with. Each contender is a process and a command of its own.

They read the same database, migrated as a server's. Each prints the line `serving` when it serves,
and stops at SIGTERM; `running.py` does both. tests/benchmarks/test_contenders.py checks that all of
them do the same work.

    python -m benchmarks.contenders.floor --listen unix:PATH|HOST:PORT --database URL
        [--passwords none|loop]
    python -m benchmarks.contenders.peer --listen unix:PATH|HOST:PORT --database URL
        [--layer orm|core|asyncpg] [--passwords thread|remembered]
"""
