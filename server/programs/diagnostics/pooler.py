"""A check whether a pooler in front of PostgreSQL supports prepared statements.

The server prepares each statement once per connection and reuses it. A PgBouncer that assigns a
connection of its own to each transaction must carry prepared statements over, which it does from
1.21 on, and not in every configuration. Otherwise calls fail at random, with errors that name
neither PgBouncer nor the setting.
"""

from contextlib import suppress

import asyncpg

from server.libraries.database.connect import connect

# In PgBouncer, a transaction waits while others use all connections.
WAIT_SECONDS = 1.0
NAME = "gymlocker_doctor"
QUERY = "SELECT 1"

_UNSUPPORTED = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)


async def keeps_prepared_statements(url: str) -> bool:
    """Check whether a prepared statement is private to its connection, and kept by it."""
    first, second = await connect(url), await connect(url)
    try:
        prepared = await first.prepare(QUERY, name=NAME)
        # Ends the transaction.
        await prepared.fetchval()
        # With several connections to PostgreSQL, the second client gets that of the first.
        async with second.transaction():
            await second.execute(QUERY)
            # With only one connection, the first client waits.
            with suppress(TimeoutError):
                await prepared.fetchval(timeout=WAIT_SECONDS)
        # With only one connection, the name is taken in it.
        await second.prepare(QUERY, name=NAME)
    except _UNSUPPORTED:
        return False
    finally:
        first.terminate()
        second.terminate()
    return True
