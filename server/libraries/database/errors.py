"""Domain errors for failures of PostgreSQL.

Three cases are distinguished, for their remedies differ: the database is unreachable, it is
read-only (a standby, or `default_transaction_read_only`), or its disk is full.
"""

from collections.abc import Iterator

import asyncpg

from server.errors import GymlockerError, Unavailable, disk_full

# SQLSTATE 40001 and 40P01: the transaction was rolled back and may be retried.
CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
# No host of the URL is writable, or the connected one is not. The third is raised by a standby that
# is asked for its timeline.
_READ_ONLY = (
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.ObjectNotInPrerequisiteStateError,
)
SERVER_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # A call between the server's last message on a connection and the end of the connection.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    *_READ_ONLY,
)


def domain_error(error: BaseException) -> GymlockerError:
    """Return the domain error for one of SERVER_ERRORS."""
    if is_disk_full(error):
        return disk_full()
    if is_read_only(error):
        return read_only()
    return unavailable("the database is unreachable")


def is_read_only(error: BaseException) -> bool:
    """Check whether the error says that the database is read-only."""
    return isinstance(error, _READ_ONLY)


def is_disk_full(error: BaseException) -> bool:
    """Check whether the error, or one that it follows from, says that the disk is full."""
    return any(isinstance(one, asyncpg.DiskFullError) for one in _causes(error))


def read_only() -> Unavailable:
    """Return the error for a read-only database."""
    return Unavailable(
        "Nothing can be changed at the moment: the database is read-only. Try again in a moment.",
        reason="READ_ONLY",
    )


def unavailable(why: str) -> Unavailable:
    """Return the error for a database that did not serve a call."""
    return Unavailable(f"Try again in a moment: {why}.", reason="DATABASE_UNAVAILABLE")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
