"""Any household comes in as it was."""

import asyncio
import datetime as dt
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.libraries.database.sqlite.bringing import bring, everything
from tests.libraries.database.sqlite.household import (
    MAX_TICKS,
    TABLES,
    Row,
    event,
    follow_secret,
    inbox_item,
    shared_item,
    text_of,
    user,
    write,
)

pytestmark = pytest.mark.extended

EPOCH_TICKS = 621_355_968_000_000_000

uuids = st.uuids()
ticks = st.one_of(st.integers(0, MAX_TICKS), st.sampled_from([0, MAX_TICKS]))
blobs = st.binary(max_size=300)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@st.composite
def households(draw: st.DrawFn) -> dict[str, list[Row]]:
    """Return users with rows of any values that LiftLog's server can store."""
    ids = draw(st.lists(uuids, max_size=4, unique=True))
    times = {"timestamp": ticks, "last_accessed": ticks, "expiry": ticks, "created": ticks}

    def some(row: Row, **values: st.SearchStrategy[Any]) -> Row:
        drawn = {name: draw(times[name]) for name in row.keys() & times}
        return row | drawn | {name: draw(value) for name, value in values.items()}

    maybe = st.none() | blobs
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    for number, id_ in enumerate(ids):
        profile = {
            "encrypted_current_plan": maybe,
            "encrypted_profile_picture": maybe,
            "encrypted_name": maybe,
            "encryption_iv": blobs,
            "rsa_public_key": blobs,
            "salt": blobs,
            "hashed_password": texts,
        }
        lookup = f"{draw(texts)}{number}"
        rows["users"].append(some(user(id_, user_lookup=lookup), **profile))
        for _ in range(draw(st.integers(0, 3))):
            rows["user_events"].append(some(event(id_), encrypted_event=blobs, encryption_iv=blobs))
            rows["user_follow_secrets"].append(some(follow_secret(id_), value=texts))
            chunks = st.lists(blobs.map(lambda blob: blob.hex().upper()), max_size=5)
            message = chunks.map(json.dumps)
            rows["user_inbox_items"].append(some(inbox_item(id_), encrypted_message=message))
            rows["shared_items"].append(some(shared_item(id_), encrypted_payload=blobs))
    return rows


def as_stored(value: object) -> object:
    """Return a value of PostgreSQL as LiftLog writes it into SQLite, a time cut to microseconds."""
    match value:
        case UUID():
            return text_of(value)
        case dt.datetime():
            since_1970 = value.replace(tzinfo=dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
            return EPOCH_TICKS + since_1970 // dt.timedelta(microseconds=1) * 10
        case list():
            return json.dumps([chunk.hex().upper() for chunk in value])
        case _:
            return value


def cut(row: Row) -> Row:
    """Return a row of SQLite with its times cut to microseconds."""
    return {
        name: value // 10 * 10 if isinstance(value, int) else value for name, value in row.items()
    }


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


class TestAnyHousehold:
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(rows=households())
    def test_is_stored_as_it_was(
        self, rows: dict[str, list[Row]], migrated: str, runner: asyncio.Runner
    ) -> None:
        runner.run(self._check(rows, migrated))

    async def _check(self, rows: dict[str, list[Row]], url: str) -> None:
        target = await asyncpg.connect(url)
        try:
            await target.execute("TRUNCATE users CASCADE")
            with tempfile.TemporaryDirectory() as folder:
                path = write(Path(folder) / "server.db", rows)
                await bring(path, url)
                before = await everything(target)
                await bring(path, url)
                assert await everything(target) == before
            for table, written in rows.items():
                names = written[0] if written else {}
                stored = await target.fetch(f"SELECT * FROM {table}")
                found = [{name: as_stored(row[name]) for name in names} for row in stored]
                expected = [cut(row) for row in written]
                assert sorted(found, key=str) == sorted(expected, key=str)
        finally:
            await target.close()
