"""SQLite databases as LiftLog's server writes them.

Written from the contract, not derived from the server's code, so that errors there are found.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

DATA = Path(__file__).parent / "data"
CASE = DATA / "server.sqlite"
PEOPLE = DATA / "server.people.json"

SCHEMA = """
CREATE TABLE "__EFMigrationsHistory" (
    "MigrationId" TEXT NOT NULL CONSTRAINT "PK___EFMigrationsHistory" PRIMARY KEY,
    "ProductVersion" TEXT NOT NULL
);
CREATE TABLE users (
    id TEXT NOT NULL CONSTRAINT pk_users PRIMARY KEY,
    user_lookup TEXT NOT NULL,
    hashed_password TEXT NOT NULL,
    last_accessed INTEGER NOT NULL,
    created INTEGER NOT NULL,
    salt BLOB NOT NULL,
    encrypted_current_plan BLOB NULL,
    encrypted_profile_picture BLOB NULL,
    encrypted_name BLOB NULL,
    encryption_iv BLOB NOT NULL,
    rsa_public_key BLOB NOT NULL
);
CREATE TABLE user_events (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    last_accessed INTEGER NOT NULL,
    expiry INTEGER NOT NULL,
    encrypted_event BLOB NOT NULL,
    encryption_iv BLOB NOT NULL,
    CONSTRAINT pk_user_events PRIMARY KEY (user_id, id)
);
CREATE TABLE user_follow_secrets (
    id TEXT NOT NULL CONSTRAINT pk_user_follow_secrets PRIMARY KEY,
    user_id TEXT NOT NULL,
    value TEXT NOT NULL
);
CREATE TABLE user_inbox_items (
    id TEXT NOT NULL CONSTRAINT pk_user_inbox_items PRIMARY KEY,
    user_id TEXT NOT NULL,
    encrypted_message TEXT NOT NULL
);
CREATE TABLE shared_items (
    id TEXT NOT NULL CONSTRAINT pk_shared_items PRIMARY KEY,
    user_id TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    expiry INTEGER NOT NULL,
    encrypted_payload BLOB NOT NULL,
    encryption_iv BLOB NOT NULL
);
CREATE UNIQUE INDEX ix_users_user_lookup ON users (user_lookup);
"""
# NOT NULL would hide values that a damaged file can hold.
LAX_SCHEMA = SCHEMA.replace(" NOT NULL", "")
TABLES = ("users", "user_events", "user_follow_secrets", "user_inbox_items", "shared_items")
# 2026-01-01 and 2100-01-01.
PAST = 639_028_224_000_000_000
FUTURE = 662_380_416_000_000_000
MAX_TICKS = 3_155_378_975_999_999_999
ANN = UUID("0b3ff2a0-6f5c-4a3e-8b9c-00000000000a")

Row = dict[str, Any]


def text_of(id_: UUID) -> str:
    """Return a UUID as LiftLog writes it."""
    return str(id_).upper()


def user(id_: UUID = ANN, **changed: Any) -> Row:
    row = {
        "id": text_of(id_),
        "user_lookup": f"lookup{id_.hex[-6:]}",
        "hashed_password": "AB" * 64,
        "last_accessed": PAST,
        "created": PAST,
        "salt": b"salt" * 16,
        "encrypted_current_plan": None,
        "encrypted_profile_picture": None,
        "encrypted_name": b"name",
        "encryption_iv": bytes(16),
        "rsa_public_key": b"key",
    }
    return row | changed


def event(id_: UUID = ANN, **changed: Any) -> Row:
    row = {
        "id": text_of(uuid4()),
        "user_id": text_of(id_),
        "timestamp": PAST,
        "last_accessed": PAST,
        "expiry": FUTURE,
        "encrypted_event": b"event",
        "encryption_iv": bytes(16),
    }
    return row | changed


def follow_secret(id_: UUID = ANN, **changed: Any) -> Row:
    return {"id": text_of(uuid4()), "user_id": text_of(id_), "value": "a secret"} | changed


def inbox_item(id_: UUID = ANN, **changed: Any) -> Row:
    row = {"id": text_of(uuid4()), "user_id": text_of(id_), "encrypted_message": '["00FF", ""]'}
    return row | changed


def shared_item(id_: UUID = ANN, **changed: Any) -> Row:
    row = {
        "id": uuid4().hex,
        "user_id": text_of(id_),
        "timestamp": PAST,
        "expiry": FUTURE,
        "encrypted_payload": b"item",
        "encryption_iv": bytes(16),
    }
    return row | changed


MAKERS: dict[str, Callable[..., Row]] = {
    "users": user,
    "user_events": event,
    "user_follow_secrets": follow_secret,
    "user_inbox_items": inbox_item,
    "shared_items": shared_item,
}


def one_of_each(id_: UUID = ANN) -> dict[str, list[Row]]:
    """Return a row of each table, of one user."""
    return {table: [make(id_)] for table, make in MAKERS.items()}


def write(path: Path, rows: dict[str, list[Row]], schema: str = SCHEMA) -> Path:
    """Write a database with these rows."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema)
        insert(connection, rows)
        connection.commit()
    return path


def insert(connection: sqlite3.Connection, rows: dict[str, list[Row]]) -> None:
    """Insert rows, by table."""
    for table, some in rows.items():
        for row in some:
            marks = ", ".join("?" for _ in row)
            connection.execute(
                f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values())
            )
