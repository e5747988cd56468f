"""LiftLog's tables and rows in a SQLite file: compared and checked."""

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.errors import StartError
from server.libraries.database.liftlog_schema import feed
from server.libraries.database.sqlite.liftlog import opened_liftlog
from tests.libraries.database.sqlite.household import (
    ANN,
    CASE,
    LAX_SCHEMA,
    MAKERS,
    MAX_TICKS,
    SCHEMA,
    TABLES,
    Row,
    event,
    inbox_item,
    one_of_each,
    text_of,
    user,
    write,
)

UTC = dt.UTC
_COMPUTED = """
ALTER TABLE users DROP COLUMN created;
ALTER TABLE users ADD COLUMN created AS (last_accessed);
"""
_VIEW = """
ALTER TABLE user_events RENAME TO old;
CREATE VIEW user_events AS SELECT * FROM old;
"""
_VIRTUAL = """
DROP TABLE user_inbox_items;
CREATE VIRTUAL TABLE user_inbox_items USING fts5(id, user_id, encrypted_message);
"""
_NO_CHUNKS = "encrypted_message is not a JSON array of hexadecimal strings"


def refusal(path: Path) -> str:
    """Return the sentence that refuses a file when it is opened or checked."""
    with pytest.raises(StartError) as raised, opened_liftlog(path) as source:
        source.check(lambda _: None)
    return str(raised.value)


def read(path: Path, table: str) -> list[dict[str, Any]]:
    names = [column.name for column in feed.tables[table].columns]
    with opened_liftlog(path) as source:
        return [dict(zip(names, row, strict=True)) for row in source.rows(feed.tables[table])]


class TestOpenedLiftlog:
    @pytest.mark.parametrize(
        ("change", "difference"),
        [
            ("DROP TABLE users", "table users is missing"),
            ("ALTER TABLE users DROP COLUMN salt", "column users.salt is missing"),
            ("ALTER TABLE users RENAME COLUMN salt TO pepper", "column users.salt is missing"),
            ("ALTER TABLE shared_items ADD COLUMN note", "column shared_items.note is not LiftL"),
            (
                _COMPUTED,
                "column users.created is missing",
            ),
            (
                _VIEW,
                "table user_events is missing",
            ),
            (
                _VIRTUAL,
                "table user_inbox_items is missing",
            ),
        ],
    )
    def test_names_difference(self, tmp_path: Path, change: str, difference: str) -> None:
        path = write(tmp_path / "server.db", {}, SCHEMA + change)
        assert f"is not the database of an up-to-date LiftLog server: {difference}" in refusal(path)

    def test_refuses_database_of_another_program(self, tmp_path: Path) -> None:
        path = write(tmp_path / "other.db", {}, "CREATE TABLE session (id text, payload text)")
        sentence = refusal(path)
        assert all(f"table {table} is missing" in sentence for table in TABLES)

    def test_names_first_differences_only(self, tmp_path: Path) -> None:
        columns = "".join(f"ALTER TABLE users ADD COLUMN c{n};" for n in range(20))
        assert refusal(write(tmp_path / "server.db", {}, SCHEMA + columns)).count("column") == 5

    def test_tolerates_other_tables_indexes_and_types(self, tmp_path: Path) -> None:
        schema = (
            SCHEMA.replace(" BLOB", "").replace("INTEGER", "BIGINT")
            + "DROP INDEX ix_users_user_lookup; CREATE INDEX more ON user_events (expiry);"
            + "CREATE TABLE rate_limit_consumptions (key TEXT PRIMARY KEY, requests TEXT)"
        )
        path = write(tmp_path / "server.db", one_of_each(), schema)
        assert len(read(path, "users")) == 1


class TestRows:
    def test_converts_values(self, tmp_path: Path) -> None:
        # 1970 is tick 621,355,968,000,000,000. PostgreSQL's times have whole microseconds.
        row = event(
            id="211C70CF-4995-4399-84AA-EAC137DC76FB",
            timestamp=639_254_016_006_543_219,
            last_accessed=0,
            expiry=MAX_TICKS,
            encrypted_event=bytes(range(256)),
            encryption_iv=b"",
        )
        path = write(tmp_path / "server.db", {"users": [user()], "user_events": [row]})
        assert read(path, "user_events") == [
            {
                "id": UUID("211c70cf-4995-4399-84aa-eac137dc76fb"),
                "user_id": ANN,
                "timestamp": dt.datetime(2026, 9, 19, 8, 0, 0, 654_321, UTC),
                "last_accessed": dt.datetime(1, 1, 1, tzinfo=UTC),
                "expiry": dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC),
                "encrypted_event": bytes(range(256)),
                "encryption_iv": b"",
            }
        ]

    @pytest.mark.parametrize(
        ("stored", "chunks"),
        [
            ('["00FF","","ab"]', [b"\x00\xff", b"", b"\xab"]),
            ("[]", []),
            ("[null]", [None]),
            (f'["{"0A" * 1024}"]', [b"\n" * 1024]),
        ],
    )
    def test_converts_messages(
        self, tmp_path: Path, stored: str, chunks: list[bytes | None]
    ) -> None:
        rows = {"users": [user()], "user_inbox_items": [inbox_item(encrypted_message=stored)]}
        path = write(tmp_path / "server.db", rows)
        assert [row["encrypted_message"] for row in read(path, "user_inbox_items")] == [chunks]

    def test_reads_case_of_liftlogs_server(self) -> None:
        with opened_liftlog(CASE) as source:
            source.check(lambda _: None)
            assert [len(list(source.rows(feed.tables[table]))) for table in TABLES] == [3] * 5


class TestCheck:
    @pytest.mark.parametrize(
        ("table", "changed", "problem"),
        [
            ("users", {"id": "no-uuid"}, "row with the id no-uuid: id is not a UUID"),
            ("users", {"id": f"{{{ANN}}}"}, "id is not a UUID"),
            ("users", {"id": ANN.hex}, "id is not a UUID"),
            ("users", {"id": ANN.bytes}, "id is not a UUID"),
            ("users", {"id": None}, "row with the id None: id is missing"),
            ("users", {"id": "\x1b[2J"}, r"row with the id '\x1b[2J': id is not a UUID"),
            ("users", {"id": "x" * 1000}, f"row with the id {'x' * 80}…: id is not a UUID"),
            ("users", {"user_lookup": 17}, "user_lookup is a whole number, not text"),
            ("users", {"user_lookup": "a\0b"}, "user_lookup is not text that PostgreSQL can store"),
            ("users", {"hashed_password": b"AB"}, "hashed_password is binary data, not text"),
            ("users", {"salt": "text"}, "salt is text, not binary data"),
            ("users", {"salt": None}, "salt is missing"),
            ("users", {"encrypted_name": 1.5}, "encrypted_name is a fraction, not binary data"),
            ("users", {"created": -1}, "created is not a time between the years 1 and 9999"),
            ("users", {"created": MAX_TICKS + 1}, "created is not a time between the years 1 and"),
            ("users", {"created": 1.5}, "created is a fraction, not a time in ticks"),
            ("users", {"created": "2026-01-01"}, "created is text, not a time in ticks"),
            ("user_events", {"expiry": None}, "expiry is missing"),
            (
                "user_events",
                {"encrypted_event": "0F"},
                "encrypted_event is text, not binary",
            ),
            ("user_follow_secrets", {"value": "é" * 41}, "value is longer than 40 characters"),
            ("user_inbox_items", {"encrypted_message": b"[]"}, _NO_CHUNKS),
            (
                "user_inbox_items",
                {"encrypted_message": "{}"},
                _NO_CHUNKS,
            ),
            (
                "user_inbox_items",
                {"encrypted_message": "[1]"},
                _NO_CHUNKS,
            ),
            ("user_inbox_items", {"encrypted_message": '["0"]'}, _NO_CHUNKS),
            (
                "user_inbox_items",
                {"encrypted_message": '["0 0"]'},
                _NO_CHUNKS,
            ),
            (
                "user_inbox_items",
                {"encrypted_message": '["0G"]'},
                _NO_CHUNKS,
            ),
            (
                "user_inbox_items",
                {"encrypted_message": "[" * 99999},
                _NO_CHUNKS,
            ),
            ("user_inbox_items", {"encrypted_message": '["AA"'}, _NO_CHUNKS),
            ("shared_items", {"id": 5}, "row with the id 5: id is a whole number, not text"),
            (
                "shared_items",
                {"user_id": text_of(UUID(int=7))},
                "user_id is of no user in the file",
            ),
            ("user_events", {"user_id": text_of(UUID(int=7))}, "user_id is of no user in the file"),
        ],
        ids=lambda value: None if isinstance(value, str) else str(value)[:40],
    )
    def test_names_table_row_and_column(
        self, tmp_path: Path, table: str, changed: Row, problem: str
    ) -> None:
        # Behind a good row. Without types, SQLite would convert some values.
        rows: dict[str, list[Row]] = {name: [] for name in TABLES} | {"users": [user()]}
        rows[table].append(MAKERS[table](**({"user_lookup": "b"} if table == "users" else {})))
        if table == "users":
            rows[table][1]["id"] = text_of(uuid4())
        rows[table][-1] |= changed
        schema = LAX_SCHEMA.replace(" TEXT", "").replace(" INTEGER", "").replace(" BLOB", "")
        sentence = refusal(write(tmp_path / "server.db", rows, schema))
        assert problem in sentence
        assert f"table {table}, row with the id " in sentence
        assert sentence.endswith("Correct or delete this row, then try again.")

    def test_names_row_with_invalid_unicode(self, tmp_path: Path) -> None:
        path = write(tmp_path / "server.db", one_of_each())
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE user_follow_secrets SET value = CAST(x'C328' AS TEXT)")
            connection.commit()
        assert "value is not text that PostgreSQL can store" in refusal(path)

    def test_accepts_forty_characters_of_any_language(self, tmp_path: Path) -> None:
        rows = one_of_each()
        rows["user_follow_secrets"][0]["value"] = "é" * 39 + "\U0001f3cb"
        with opened_liftlog(write(tmp_path / "server.db", rows)) as source:
            source.check(lambda _: None)

    def test_quotes_no_value(self, tmp_path: Path) -> None:
        rows = one_of_each()
        rows["user_follow_secrets"][0]["value"] = "canary" * 20
        assert "canary" not in refusal(write(tmp_path / "server.db", rows))
