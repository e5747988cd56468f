"""Files that do not fit what is in the database: refused, with nothing changed."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import func, select

from server.errors import StartError
from server.libraries.database.migrations import ADVISORY_LOCK
from server.libraries.database.sqlite.liftlog import LiftLogFile, opened_liftlog
from server.libraries.database.sqlite.transfer import transfer
from server.libraries.database.statement import Statement
from tests.libraries.database.sqlite.bringing import bring, counts, everything
from tests.libraries.database.sqlite.household import (
    ANN,
    CASE,
    Row,
    follow_secret,
    inbox_item,
    one_of_each,
    shared_item,
    text_of,
    user,
    write,
)

BOB = UUID("0b3ff2a0-6f5c-4a3e-8b9c-00000000000b")


async def refusal(path: Path, url: str) -> str:
    with pytest.raises(StartError) as raised:
        await bring(path, url)
    return str(raised.value)


def write_log(path: Path) -> None:
    """Write to a database as a server does that was started."""
    Path(f"{path}-wal").write_bytes(b"a frame")


class TestTransfer:
    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (
                {"hashed_password": "CD" * 64},
                f"User {ANN} is in the database already, with another password",
            ),
            ({"salt": b"other"}, f"User {ANN} is in the database already, with another password"),
            (
                {"user_lookup": "other"},
                f"User {ANN} is in the database already, with another lookup",
            ),
            (
                {"id": text_of(BOB), "user_lookup": user()["user_lookup"]},
                f"User {BOB} has the lookup of another user in the database, {ANN}.",
            ),
        ],
        ids=["password", "salt", "lookup", "lookup of another"],
    )
    async def test_other_user_here(
        self,
        target: asyncpg.Connection,
        migrated: str,
        tmp_path: Path,
        change: Row,
        problem: str,
    ) -> None:
        await bring(write(tmp_path / "server.db", one_of_each()), migrated)
        before = await everything(target)
        rows = {"users": [user(uuid4()), user(**change)]}
        assert problem in await refusal(write(tmp_path / "other.db", rows), migrated)
        assert await everything(target) == before

    @pytest.mark.parametrize(
        "clash",
        [
            lambda row: {"shared_items": [shared_item(BOB, id=row["shared_items"][0]["id"])]},
            lambda row: {
                "user_follow_secrets": [follow_secret(BOB, id=row["user_follow_secrets"][0]["id"])]
            },
            lambda row: {
                "user_inbox_items": [inbox_item(BOB, id=row["user_inbox_items"][0]["id"])]
            },
        ],
        ids=["shared item", "follow secret", "inbox message"],
    )
    async def test_row_of_another_user_here(
        self,
        target: asyncpg.Connection,
        migrated: str,
        tmp_path: Path,
        clash: Callable[[dict[str, list[Row]]], dict[str, list[Row]]],
    ) -> None:
        rows = one_of_each()
        await bring(write(tmp_path / "server.db", rows), migrated)
        before = await everything(target)
        other = {"users": [user(BOB)]} | clash(rows)
        sentence = await refusal(write(tmp_path / "other.db", other), migrated)
        assert "is in the database already, under another user" in sentence
        assert await everything(target) == before

    async def test_id_twice_in_other_case(
        self, target: asyncpg.Connection, migrated: str, tmp_path: Path
    ) -> None:
        rows = {"users": [user(), user(id=str(ANN), user_lookup="other")]}
        sentence = await refusal(write(tmp_path / "server.db", rows), migrated)
        assert "or in the file twice" in sentence
        assert not any((await counts(target)).values())

    async def test_lookup_too_long_for_its_index(
        self, target: asyncpg.Connection, migrated: str, tmp_path: Path
    ) -> None:
        # Not to be compressed.
        lookup = "".join(str(uuid4()) for _ in range(500))
        rows = {"users": [user(user_lookup=lookup)]}
        sentence = await refusal(write(tmp_path / "server.db", rows), migrated)
        assert "The database failed: index row" in sentence
        assert not any((await counts(target)).values())

    async def test_file_changed_meanwhile(
        self, target: asyncpg.Connection, migrated: str, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "server.db", one_of_each())
        with opened_liftlog(path) as source:
            write_log(path)
            with pytest.raises(StartError, match="was changed while it was read"):
                await transfer(source, migrated, lambda _: None)
        assert not any((await counts(target)).values())

    async def test_another_migration(self, target: asyncpg.Connection, migrated: str) -> None:
        await target.execute("SELECT pg_advisory_lock($1)", ADVISORY_LOCK)
        assert "Another process is migrating this database" in await refusal(CASE, migrated)
        await target.execute("SELECT pg_advisory_unlock($1)", ADVISORY_LOCK)
        assert not any((await counts(target)).values())

    async def test_unreachable_database(self, tmp_path: Path) -> None:
        assert "The database failed: " in await refusal(CASE, f"postgresql:///x?host={tmp_path}")

    async def test_broken_connection(
        self, target: asyncpg.Connection, migrated: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # After everything was copied, the connection ends itself.
        end = Statement(select(func.pg_terminate_backend(func.pg_backend_pid())))
        monkeypatch.setattr("server.libraries.database.sqlite.transfer._RESTART_RECORDING", end)
        assert "The database failed: " in await refusal(CASE, migrated)
        assert not any((await counts(target)).values())

    async def test_cancelled(
        self, target: asyncpg.Connection, migrated: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reached = asyncio.Event()

        def wait_for_ever(_: LiftLogFile) -> None:
            reached.set()
            raise asyncio.CancelledError

        # Everything has been copied by then.
        monkeypatch.setattr(LiftLogFile, "require_unchanged", wait_for_ever)
        with pytest.raises(asyncio.CancelledError):
            await bring(CASE, migrated)
        assert reached.is_set()
        assert not any((await counts(target)).values())
