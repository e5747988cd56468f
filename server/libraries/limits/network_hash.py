"""Hashes of networks, which tell networks apart without revealing them.

A message may wait for months, but its sender's network must not be kept that long. So networks
are hashed with a random key, which all workers share for a day of UTC and the sweeper then deletes.
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
# Changes nothing if there is a key, but returns it, even if another worker creates it right now.
_GET = Statement(
    _new.on_conflict_do_update(
        index_elements=[network_keys.c.day], set_={"day": _new.excluded.day}
    ).returning(network_keys.c.key)
)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


class NetworkHasher:
    """Hasher of networks. It reads the key from the database once a day."""

    def __init__(self, database: Database, *, today: Callable[[], dt.date] = _today) -> None:
        self._database = database
        self._today = today
        self._day = dt.date.min
        self._key = b""

    async def hash(self, address: str) -> bytes:
        """Return today's hash of the network of `address`."""
        today = self._today()
        if today != self._day:
            new = secrets.token_bytes(KEY_BYTES)
            [row] = await self._database.fetch(_GET, day=today, key=new)
            self._day, self._key = today, row["key"]
        network = broad_network_of(address).encode()
        return hashlib.blake2b(network, key=self._key, digest_size=HASH_BYTES).digest()
