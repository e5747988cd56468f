"""Requests that name themselves, so that one whose reply was lost may be repeated for a day."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from server.libraries.database.schema import request_keys as keys
from server.libraries.database.statement import Statement

LIFETIME = timedelta(days=1)


def digest_of(parts: Iterable[bytes]) -> bytes:
    """The SHA-256 of all parts, each told from the next by its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _note() -> Statement:
    """Notes a request, in the transaction that does its work: no row if it was noted before.

    Of two at once, the second waits for the first one's commit.
    """
    noting = insert(keys).values(
        user_id=bindparam("user_id"),
        key=bindparam("key"),
        contents=bindparam("contents"),
        answer=bindparam("answer"),
        expiry=func.now() + literal(LIFETIME),
    )
    columns = ("contents", "answer", "expiry")
    return Statement(
        noting.on_conflict_do_update(
            index_elements=[keys.c.user_id, keys.c.key],
            set_={name: noting.excluded[name] for name in columns},
            where=keys.c.expiry <= func.now(),
        ).returning(literal(1))
    )


# Parameters: `user_id`, `key`, `contents` and `answer`.
NOTE = _note()


# Parameters: `user_id` and `key`.
GET_ANSWER = Statement(
    select(keys.c.contents, keys.c.answer).where(
        keys.c.user_id == bindparam("user_id"),
        keys.c.key == bindparam("key"),
        keys.c.expiry > func.now(),
    )
)
