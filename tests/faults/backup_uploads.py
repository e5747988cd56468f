"""Clients that upload backups without end, some of which are cut."""

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2

from tests.faults.backup_audit import Headers, Ledger

MAX_BYTES = 1024 * 1024
CHUNKS = 8
TIMEOUT = 60.0


@dataclass
class Uploads:
    """Uploads of several users at once, until enough of them were cut.

    `kill` kills something at random moments, and returns when it is back.
    """

    rest: httpx2.AsyncClient
    users: dict[str, Headers]
    seed: int
    ledger: Ledger = field(default_factory=Ledger)
    cut: int = 0

    async def run(self, cuts: int) -> None:
        """Upload until `cuts` uploads were not acknowledged."""
        await asyncio.gather(
            *(self._write(user, cuts, random.Random(f"{self.seed} {user}")) for user in self.users)
        )

    async def wake_sweeper(self) -> None:
        """Store a backup, after which its worker sweeps. Otherwise it does every half minute."""
        user = next(iter(self.users))
        data = b"\x1f\x8b" + os.urandom(100)
        self.ledger.sent[user].add(hashlib.sha256(data).hexdigest())
        assert await self._upload(user, data, 0)

    async def _write(self, user: str, cuts: int, choice: random.Random) -> None:
        # A few more of each are to succeed, so that there is something to lose.
        while self.cut < cuts or len(self.ledger.acknowledged[user]) < 3:
            data = b"\x1f\x8b" + os.urandom(choice.randrange(1, MAX_BYTES))
            sha256 = hashlib.sha256(data).hexdigest()
            self.ledger.sent[user].add(sha256)
            upload = asyncio.create_task(self._upload(user, data, choice.random() * 0.02))
            if choice.random() < 0.5:
                done, _ = await asyncio.wait([upload], timeout=choice.random() * 0.25)
                if not done:
                    # The client disappears.
                    upload.cancel()
            # Unlike `await upload`, it tells a cancelled upload from the cancellation of this loop.
            await asyncio.wait([upload])
            backup_id = None
            if not upload.cancelled():
                with suppress(httpx2.HTTPError):
                    backup_id = upload.result()
            if backup_id is None:
                self.cut += 1
            else:
                self.ledger.acknowledged[user][backup_id] = sha256

    async def _upload(self, user: str, data: bytes, pause: float) -> str | None:
        """Return the id of the stored backup; None if the upload was refused."""
        response = await self.rest.post(
            "/backup", content=_slowly(data, pause), headers=self.users[user], timeout=TIMEOUT
        )
        if response.status_code == 200:
            return str(response.json()["id"])
        assert response.status_code in (502, 503, 504), response.text
        return None


async def _slowly(data: bytes, pause: float) -> AsyncIterator[bytes]:
    size = len(data) // CHUNKS + 1
    for start in range(0, len(data), size):
        yield data[start : start + size]
        await asyncio.sleep(pause)
