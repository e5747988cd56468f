"""Servers that Gymlocker is compared with. Each contender is a command and a process of its own.

They use the same database and schema. Each prints the line `serving` when it is ready, and stops on
SIGTERM. tests/benchmarks/test_contenders.py checks that all of them do the same work.

    python -m benchmarks.contenders.floor --listen unix:PATH|HOST:PORT --database URL
        [--passwords none|loop]
    python -m benchmarks.contenders.peer --listen unix:PATH|HOST:PORT --database URL
        [--layer orm|core|asyncpg] [--passwords thread|cached]
"""
