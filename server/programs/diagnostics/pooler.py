"""Finds out whether what stands in front of a PostgreSQL knows prepared statements.

The server prepares each statement once for a connection and uses it again. A PgBouncer that gives
every transaction another of its connections has to bring prepared statements along, which it does
from 1.21 on, and not in every configuration: calls then fail now and then, in ways that name
neither PgBouncer nor the setting.
"""

from contextlib import suppress

import asyncpg

from server.libraries.database.connect import connect

# PgBouncer lets a transaction wait while another one has all of its connections.
WAIT_SECONDS = 1.0
NAME = "gymlocker_doctor"
QUERY = "SELECT 1"

_FORGOTTEN = (
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)


async def keeps_prepared_statements(url: str) -> bool:
    """Whether what a connection prepares is its own, and there in each of its transactions."""
    first, second = await connect(url), await connect(url)
    try:
        prepared = await first.prepare(QUERY, name=NAME)
        # Only now its transaction ends.
        await prepared.fetchval()
        # Of several connections to PostgreSQL, the second one gets that of the first…
        async with second.transaction():
            await second.execute(QUERY)
            # … if there are several: else the first one waits.
            with suppress(TimeoutError):
                await prepared.fetchval(timeout=WAIT_SECONDS)
        # If there is one, the name is taken in it.
        await second.prepare(QUERY, name=NAME)
    except _FORGOTTEN:
        return False
    finally:
        first.terminate()
        second.terminate()
    return True
