"""The database of the feed: delays that force commits out of order, and what is stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.faults.feed.record import Key

# Payloads that begin so are committed only once LOCK is free.
HELD, LOCK = b"held", 16_16
# Before a writer takes the clock of its user, others can overtake it. After it, the writer has the
# time of the event, and commits later than others that have a later one.
DELAYS = f"""
CREATE FUNCTION delay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.03 THEN PERFORM pg_sleep(random() * 0.03); END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF position('{HELD.decode()}'::bytea IN NEW.encrypted_event) = 1 THEN
        PERFORM pg_advisory_xact_lock({LOCK});
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER delay BEFORE INSERT ON user_event_clocks FOR EACH ROW EXECUTE FUNCTION delay();
CREATE TRIGGER zz_delay AFTER INSERT OR UPDATE OR DELETE ON user_events
    FOR EACH ROW EXECUTE FUNCTION delay();
CREATE TRIGGER zz_hold AFTER INSERT ON user_events FOR EACH ROW EXECUTE FUNCTION hold();
"""
IS_BUSY = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()
"""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the database."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def stored(connection: asyncpg.Connection) -> dict[Key, bytes]:
    """Return all events."""
    rows = await connection.fetch("SELECT user_id, id, encrypted_event FROM user_events")
    return {(str(row["user_id"]), str(row["id"])): row["encrypted_event"] for row in rows}


async def is_idle(connection: asyncpg.Connection) -> bool:
    """Check whether nothing else runs, as of calls that were given up."""
    return not await connection.fetchval(IS_BUSY)


async def is_held(connection: asyncpg.Connection) -> bool:
    """Check whether a writer waits for LOCK."""
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return bool(await connection.fetchval(query))


async def end_listeners(connection: asyncpg.Connection) -> None:
    """End the connections on which workers listen for hints."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'gymlocker-hints'"
    )
