"""Backups on a disk that is full: refused with its reason, which clients know."""

import errno
from collections.abc import AsyncIterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, cast
from uuid import UUID

import pytest
from gymlocker.v2.workout_pb2 import ImportWorkoutsRequest

from server.errors import ResourceExhausted, Unavailable
from server.libraries.limits.transfers import Transfers
from server.services.backup import diary
from server.services.backup.diary import Diary
from server.services.backup.model import Backup
from server.services.backup.object_store import reachable
from server.services.backup.transfer import Transporter
from server.services.backup.uploader import Uploader
from server.services.workout.import_repository import ImportRepository
from server.services.workout.importer import Importer

OWNER = UUID(int=1)
TRANSFERS = Transfers("imports", reason="TOO_MANY_IMPORTS")


async def write(_: object, file: BinaryIO) -> None:
    file.write(b"x" * 100_000)


async def receive(_: object, data: AsyncIterator[bytes], file: BinaryIO) -> None:
    async for chunk in data:
        file.write(chunk)


async def nothing(*_: object) -> None:
    pass


async def small() -> AsyncIterator[bytes]:
    yield b"x"


@contextmanager
def full_spool(_: UUID) -> Any:
    with Path("/dev/full").open("w+b") as file:
        yield file


async def test_import_of_backup_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diary, "TemporaryFile", partial(open, "/dev/full", "w+b"))
    transporter = cast("Transporter", SimpleNamespace(write=write))
    importer = Importer(cast("ImportRepository", None), TRANSFERS)
    with pytest.raises(ResourceExhausted) as refused:
        await Diary(transporter, importer).import_backup(
            OWNER, "network", cast("Backup", None), ImportWorkoutsRequest()
        )
    assert refused.value.reason == "DISK_FULL"


async def test_upload_is_refused_when_the_rest_cannot_be_written() -> None:
    """Closing the spool writes what is left of it, and fails again."""
    uploader = Uploader(
        cast("Any", SimpleNamespace(reserve=nothing, release=nothing, extend=nothing)),
        cast("Any", SimpleNamespace(spool=full_spool, put=nothing, remove=nothing)),
        cast("Any", SimpleNamespace(receive=receive)),
        removable=lambda: None,
        importable=lambda: None,
    )
    with (
        TRANSFERS.acquire(OWNER, "network") as transfer,
        pytest.raises(ResourceExhausted) as refused,
    ):
        await uploader.upload(OWNER, transfer, small())
    assert refused.value.reason == "DISK_FULL"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, ResourceExhausted),
        (errno.EDQUOT, ResourceExhausted),
        (errno.EIO, Unavailable),
    ],
    ids=["full", "quota", "broken"],
)
def test_store_names_its_full_disk(number: int, expected: type[Exception]) -> None:
    with pytest.raises(expected), reachable("put"):
        raise OSError(number, "x")
