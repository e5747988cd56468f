"""Deletion of a user during a call that stores something of theirs."""

from collections.abc import Iterator
from contextlib import contextmanager

from asyncpg import ForeignKeyViolationError

from server.errors import no_such_user


@contextmanager
def owner_must_exist() -> Iterator[None]:
    """Raise NotFound where a row refers to a user who does not exist."""
    try:
        yield
    except ForeignKeyViolationError:
        raise no_such_user() from None
