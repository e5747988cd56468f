"""What happens when somebody is deleted while a call of theirs, or to them, is under way."""

from collections.abc import Iterator
from contextlib import contextmanager

from asyncpg import ForeignKeyViolationError

from server.errors import no_such_user


@contextmanager
def owner_must_exist() -> Iterator[None]:
    """Says that there is no such user when a row refers to one who is not there."""
    try:
        yield
    except ForeignKeyViolationError:
        raise no_such_user() from None
