"""Idempotency keys: a request whose response was lost can be repeated for a day."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import bindparam, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from server.libraries.database.schema import request_keys as keys
from server.libraries.database.statement import Statement

LIFETIME = timedelta(days=1)


def digest_of(parts: Iterable[bytes]) -> bytes:
    """Return the SHA-256 of all parts, each prefixed with its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _store() -> Statement:
    """Return a statement that stores a request; no row if it was stored before.

    It belongs into the transaction of the request's work. Of two concurrent ones, the second waits
    for the commit of the first.
    """
    stored = insert(keys).values(
        user_id=bindparam("user_id"),
        key=bindparam("key"),
        contents=bindparam("contents"),
        answer=bindparam("answer"),
        expiry=func.now() + literal(LIFETIME),
    )
    columns = ("contents", "answer", "expiry")
    return Statement(
        stored.on_conflict_do_update(
            index_elements=[keys.c.user_id, keys.c.key],
            set_={name: stored.excluded[name] for name in columns},
            where=keys.c.expiry <= func.now(),
        ).returning(literal(1))
    )


# Parameters: `user_id`, `key`, `contents` and `answer`.
STORE = _store()


# Parameters: `user_id` and `key`.
GET_ANSWER = Statement(
    select(keys.c.contents, keys.c.answer).where(
        keys.c.user_id == bindparam("user_id"),
        keys.c.key == bindparam("key"),
        keys.c.expiry > func.now(),
    )
)

# Parameters: `user_id` and `key`.
FORGET = Statement(
    delete(keys).where(keys.c.user_id == bindparam("user_id"), keys.c.key == bindparam("key"))
)
