"""The key of the day, by which networks are told apart and not named.

What a network sent may wait for months; who it was should not. Its hash is keyed with a random key
that all workers share for a day of UTC, and that the sweeper then deletes.
"""

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from server.libraries.database.pool import Database
from server.libraries.database.schema import network_keys
from server.libraries.database.statement import Statement
from server.libraries.network.client_network import broad_network_of

KEY_BYTES = 32
HASH_BYTES = 16

_new = insert(network_keys).values(day=bindparam("day"), key=bindparam("key"))
# Changes nothing where there is one, but returns it, also if another worker makes it just now.
_GET = Statement(
    _new.on_conflict_do_update(
        index_elements=[network_keys.c.day], set_={"day": _new.excluded.day}
    ).returning(network_keys.c.key)
)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


class NetworkHasher:
    """Hashes networks. It asks the database once a day."""

    def __init__(self, database: Database, *, today: Callable[[], dt.date] = _today) -> None:
        self._database = database
        self._today = today
        self._day = dt.date.min
        self._key = b""

    async def hash(self, address: str) -> bytes:
        """Return what stands today for the network that `address` is in."""
        today = self._today()
        if today != self._day:
            new = secrets.token_bytes(KEY_BYTES)
            [row] = await self._database.fetch(_GET, day=today, key=new)
            self._day, self._key = today, row["key"]
        network = broad_network_of(address).encode()
        return hashlib.blake2b(network, key=self._key, digest_size=HASH_BYTES).digest()
