"""What it means when PostgreSQL does not do what it was asked for, as an error for the caller.

Three things are told apart, since three different things mend them: the database is out of reach,
takes no writes (a standby, or `default_transaction_read_only`), or its disk is full.
"""

from collections.abc import Iterator

import asyncpg

from server.errors import GymlockerError, Unavailable, disk_full

# A transaction that lost to another one (SQLSTATE 40001, 40P01) was undone; it may be repeated.
LOST_RACE = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
# None of the hosts of the URL takes writes, or the one that we talk to does not.
_READ_ONLY = (asyncpg.ReadOnlySQLTransactionError, asyncpg.TargetServerAttributeNotMatched)
REFUSALS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # A call that comes between the server's last word on a connection and the end of it.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    *_READ_ONLY,
)


def refusal(error: BaseException) -> GymlockerError:
    """The error for a call that ended with one of REFUSALS."""
    if is_disk_full(error):
        return disk_full()
    if is_read_only(error):
        return read_only()
    return not_now("the database is out of reach")


def is_read_only(error: BaseException) -> bool:
    """Whether the database takes no writes."""
    return isinstance(error, _READ_ONLY)


def is_disk_full(error: BaseException) -> bool:
    """Whether the database's disk is full, which may also be what ended the connection."""
    return any(isinstance(one, asyncpg.DiskFullError) for one in _causes(error))


def read_only() -> Unavailable:
    """The error for a database that takes no writes."""
    return Unavailable(
        "Nothing can be changed at the moment: the database is read-only. Try again in a moment.",
        reason="READ_ONLY",
    )


def not_now(why: str) -> Unavailable:
    """The error for a database that did not answer."""
    return Unavailable(f"Try again in a moment: {why}.", reason="DATABASE_UNAVAILABLE")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
