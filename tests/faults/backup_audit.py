"""An audit of all backups: what was acknowledged is there, and nothing else is stored."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx2

from tests.support.waiting import eventually_true

Headers = dict[str, str]


@dataclass
class Ledger:
    """The uploads of each user: the SHA-256 of all that was sent, and what was acknowledged."""

    sent: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # The SHA-256 by the id of the backup.
    acknowledged: defaultdict[str, dict[str, str]] = field(
        default_factory=lambda: defaultdict(dict)
    )


async def audit_entries(rest: httpx2.AsyncClient, users: dict[str, Headers], ledger: Ledger) -> int:
    """Check what clients see of each user's backups; return the number of backups.

    Raises AssertionError if an acknowledged backup is missing, or one is listed that was not sent
    or cannot be downloaded byte for byte.
    """
    count = 0
    for user, headers in users.items():
        response = await rest.get("/backups", headers=headers)
        assert response.status_code == 200, response.text
        listed = {each["id"]: each["sha256"] for each in response.json()["backups"]}
        missing = ledger.acknowledged[user].items() - listed.items()
        assert not missing, f"acknowledged, but not listed: {missing}"
        strange = set(listed.values()) - ledger.sent[user]
        assert not strange, f"listed, but never sent: {strange}"
        for backup_id, sha256 in listed.items():
            data = await _download(rest, backup_id, headers)
            assert hashlib.sha256(data).hexdigest() == sha256, f"{backup_id} has other bytes"
        count += len(listed)
    return count


async def _download(rest: httpx2.AsyncClient, backup_id: str, headers: Headers) -> bytes:
    try:
        return (await rest.get(f"/backups/{backup_id}", headers=headers)).content
    except httpx2.HTTPError as error:
        raise AssertionError(f"{backup_id} cannot be downloaded") from error


async def audit_store(database: asyncpg.Connection, objects: Path, *others: Path) -> None:
    """Check that the folder `objects` holds exactly the objects in use, and `others` no file.

    Raises AssertionError.
    """
    used = {
        f"{row['object_id']}.age"
        for row in await database.fetch("SELECT DISTINCT object_id FROM backups")
    }
    stored = {path.name for path in _files(objects)}
    assert stored - used == set(), f"stored, but not used: {stored - used}"
    assert used - stored == set(), f"used, but not stored: {used - stored}"
    rows = await database.fetchval("SELECT count(*) FROM backup_objects")
    assert rows == len(used), f"{rows} rows of {len(used)} objects"
    left = [path for folder in others for path in _files(folder)]
    assert not left, f"left over: {left}"


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def expire_leases(database: asyncpg.Connection) -> None:
    """Let the leases of all cut uploads expire, when no upload is in progress any more."""
    await database.execute("UPDATE backup_objects SET unused = now() WHERE unused IS NOT NULL")


async def swept(database: asyncpg.Connection) -> None:
    """Wait for the sweep."""

    async def is_swept() -> bool:
        query = "SELECT count(*) FROM backup_objects WHERE unused IS NOT NULL"
        return bool(await database.fetchval(query) == 0)

    await eventually_true(is_swept, seconds=90)
