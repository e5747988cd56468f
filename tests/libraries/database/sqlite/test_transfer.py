"""The transfer into PostgreSQL: all or nothing, and nothing twice."""

import datetime as dt
import json
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from tests.libraries.database.sqlite.bringing import bring, counts, everything
from tests.libraries.database.sqlite.household import (
    CASE,
    FUTURE,
    MAX_TICKS,
    PAST,
    TABLES,
    Row,
    event,
    inbox_item,
    one_of_each,
    shared_item,
    user,
    write,
)

BOB = UUID("0b3ff2a0-6f5c-4a3e-8b9c-00000000000b")
BROUGHT = "Brought in: {}."
LEFT = "Already in the database and left as they are: {}."


def listed(n: int) -> str:
    return f"{n} users, {n} events, {n} follow secrets, {n} inbox messages and {n} shared items"


def by_table(rows: dict[str, list[Row]], **more: list[Row]) -> dict[str, list[Row]]:
    return {table: [*rows.get(table, []), *more.get(table, [])] for table in TABLES}


class TestTransfer:
    async def test_brings_every_row_unchanged(
        self, target: asyncpg.Connection, migrated: str
    ) -> None:
        said = await bring(CASE, migrated)
        assert said == [BROUGHT.format(listed(3))]
        stored = await target.fetchrow(
            "SELECT * FROM user_events WHERE id = '211c70cf-4995-4399-84aa-eac137dc76fb'"
        )
        assert stored is not None
        assert stored["user_id"] == UUID("92276658-1e27-41c0-8a6a-63ec24ede6a4")
        assert stored["timestamp"] == dt.datetime(2026, 9, 19, 8, 0, 0, 654_321, dt.UTC)
        assert stored["encrypted_event"].startswith(bytes.fromhex("e66105bd83af"))

    async def test_second_time_changes_no_row(
        self, target: asyncpg.Connection, migrated: str
    ) -> None:
        await bring(CASE, migrated)
        before = await everything(target)
        said = await bring(CASE, migrated)
        assert said == [BROUGHT.format(listed(0)), LEFT.format(listed(3))]
        assert await everything(target) == before

    async def test_second_time_after_use_brings_nothing_back(
        self, target: asyncpg.Connection, migrated: str, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "server.db", one_of_each())
        await bring(path, migrated)
        for table in TABLES[1:]:
            await target.execute(f"DELETE FROM {table}")
        await target.execute(
            "UPDATE users SET username = 'Ann', username_key = 'ann', encrypted_name = 'new', "
            "last_accessed = now(), rsa_public_key = 'new'"
        )
        before = await everything(target)
        await bring(path, migrated)
        assert await everything(target) == before

    async def test_newer_file_brings_new_users_only(
        self, target: asyncpg.Connection, migrated: str, tmp_path: Path
    ) -> None:
        await bring(write(tmp_path / "old.db", one_of_each()), migrated)
        newer = by_table(one_of_each(), **one_of_each(BOB))
        said = await bring(write(tmp_path / "new.db", newer), migrated)
        one = "1 user, 1 event, 1 follow secret, 1 inbox message and 1 shared item"
        assert said == [BROUGHT.format(one), LEFT.format(one)]
        assert set((await counts(target)).values()) == {2}

    async def test_empty_file_brings_nothing(
        self, target: asyncpg.Connection, migrated: str, tmp_path: Path
    ) -> None:
        before = await everything(target)
        await bring(write(tmp_path / "server.db", {}), migrated)
        assert await everything(target) == before

    async def test_reports_progress_of_many_rows(
        self,
        target: asyncpg.Connection,
        migrated: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for module in ("liftlog", "transfer"):
            monkeypatch.setattr(f"server.libraries.database.sqlite.{module}._PROGRESS_ROWS", 1_000)
        rows = {"users": [user()], "user_events": [event() for _ in range(2_500)]}
        lines: list[str] = []
        await bring(write(tmp_path / "server.db", rows), migrated, lines.append)
        assert lines == [
            "checked 1,000 rows of user_events",
            "checked 2,000 rows of user_events",
            "read 1,000 rows of user_events",
            "read 2,000 rows of user_events",
        ]
        assert (await counts(target))["user_events"] == 2_500


class TestTimes:
    async def test_dotnets_smallest_and_largest_are_infinite(
        self, target: asyncpg.Connection, migrated: str, tmp_path: Path
    ) -> None:
        rows = {
            "users": [user(created=0)],
            "user_events": [event(expiry=MAX_TICKS)],
            "shared_items": [shared_item(expiry=MAX_TICKS - 10)],
        }
        await bring(write(tmp_path / "server.db", rows), migrated)
        assert await target.fetchval("SELECT created::text FROM users") == "-infinity"
        assert await target.fetchval("SELECT expiry::text FROM user_events") == "infinity"
        expiry = await target.fetchval("SELECT expiry FROM shared_items")
        assert expiry == dt.datetime.max.replace(microsecond=999_998, tzinfo=dt.UTC)

    @pytest.mark.parametrize(
        ("times", "clock"),
        [
            ([PAST, FUTURE, PAST + 10], "2100-01-01 00:00:00+00"),
            # Infinity would stop the clock.
            ([PAST, MAX_TICKS], "2026-01-01 00:00:00+00"),
            ([MAX_TICKS, 0], None),
            ([], None),
        ],
    )
    async def test_clock_is_at_newest_event(
        self,
        target: asyncpg.Connection,
        migrated: str,
        tmp_path: Path,
        times: list[int],
        clock: str | None,
    ) -> None:
        rows = {"users": [user()], "user_events": [event(timestamp=time) for time in times]}
        await bring(write(tmp_path / "server.db", rows), migrated)
        found = await target.fetchval("SELECT timestamp::text FROM user_event_clocks")
        assert found == clock

    async def test_messages_keep_their_order(
        self, target: asyncpg.Connection, migrated: str, tmp_path: Path
    ) -> None:
        texts = [f"{number:02X}" for number in range(50)]
        items = [inbox_item(encrypted_message=json.dumps([text])) for text in texts]
        rows = {"users": [user()], "user_inbox_items": items}
        await bring(write(tmp_path / "server.db", rows), migrated)
        stored = await target.fetch("SELECT * FROM user_inbox_items ORDER BY received")
        assert [row["encrypted_message"] for row in stored] == [[bytes.fromhex(t)] for t in texts]

    async def test_nobody_is_swept_at_once(
        self, target: asyncpg.Connection, migrated: str, tmp_path: Path
    ) -> None:
        await target.execute("UPDATE milestones SET time = '2020-01-01' WHERE name = 'bounds'")
        await bring(write(tmp_path / "server.db", {"users": [user()]}), migrated)
        age = await target.fetchval("SELECT now() - time FROM milestones WHERE name = 'bounds'")
        assert age < dt.timedelta(minutes=5)
