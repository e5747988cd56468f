"""The databases of a running LiftLog server, literally as its own migrations created them.

Copied from the contract, not derived from the server's code, so that errors there are found.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg

HISTORY = """
CREATE TABLE "__EFMigrationsHistory" (
    migration_id character varying(150) NOT NULL,
    product_version character varying(32) NOT NULL,
    CONSTRAINT pk___ef_migrations_history PRIMARY KEY (migration_id)
);
INSERT INTO "__EFMigrationsHistory" (migration_id, product_version) VALUES
    ('20230726102413_Initial', '7.0.9'),
    ('20240114031201_SharedItems', '8.0.1'),
    ('20260612094455_IncreaseMaxSize', '10.0.1');
"""

FEED = """
CREATE TABLE users (
    id uuid NOT NULL,
    user_lookup text NOT NULL,
    hashed_password text NOT NULL,
    salt bytea NOT NULL,
    last_accessed timestamp with time zone NOT NULL,
    encrypted_current_plan bytea,
    encrypted_profile_picture bytea,
    encrypted_name bytea,
    created timestamp with time zone NOT NULL,
    encryption_iv bytea NOT NULL,
    rsa_public_key bytea NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id)
);
CREATE TABLE user_events (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    timestamp timestamp with time zone NOT NULL,
    last_accessed timestamp with time zone NOT NULL,
    encrypted_event bytea NOT NULL,
    encryption_iv bytea NOT NULL,
    expiry timestamp with time zone NOT NULL,
    CONSTRAINT pk_user_events PRIMARY KEY (user_id, id),
    CONSTRAINT fk_user_events_users_user_id FOREIGN KEY (user_id)
        REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE user_follow_secrets (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    value character varying(40) NOT NULL,
    CONSTRAINT pk_user_follow_secrets PRIMARY KEY (id),
    CONSTRAINT fk_user_follow_secrets_users_user_id FOREIGN KEY (user_id)
        REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE user_inbox_items (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    encrypted_message bytea[] NOT NULL,
    CONSTRAINT pk_user_inbox_items PRIMARY KEY (id),
    CONSTRAINT fk_user_inbox_items_users_user_id FOREIGN KEY (user_id)
        REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE shared_items (
    id text NOT NULL,
    user_id uuid NOT NULL,
    timestamp timestamp with time zone NOT NULL,
    expiry timestamp with time zone NOT NULL,
    encrypted_payload bytea NOT NULL,
    encryption_iv bytea NOT NULL,
    CONSTRAINT pk_shared_items PRIMARY KEY (id),
    CONSTRAINT fk_shared_items_users_user_id FOREIGN KEY (user_id)
        REFERENCES users (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX ix_users_user_lookup ON users (user_lookup);
CREATE INDEX ix_user_events_expiry ON user_events (expiry);
CREATE INDEX ix_user_follow_secrets_user_id ON user_follow_secrets (user_id);
CREATE INDEX ix_user_inbox_items_user_id ON user_inbox_items (user_id);
CREATE INDEX ix_shared_items_user_id ON shared_items (user_id);
"""

RATE_LIMITS = """
CREATE TABLE rate_limit_consumptions (
    key text NOT NULL,
    requests timestamp with time zone[] NOT NULL,
    CONSTRAINT pk_rate_limit_consumptions PRIMARY KEY (key)
);
INSERT INTO rate_limit_consumptions (key, requests) VALUES
    ('E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855',
     '{2026-06-01 10:00:00+00, 2026-06-01 10:00:01.123456+00}'),
    ('9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08', '{}');
"""

USER = """
INSERT INTO users (id, user_lookup, hashed_password, salt, last_accessed, encrypted_current_plan,
    encrypted_profile_picture, encrypted_name, created, encryption_iv, rsa_public_key)
VALUES ($1, $2, $3, $4, now(), $5, NULL, $6, $7::text::timestamptz, $8, $9)
"""
EVENT = """
INSERT INTO user_events (user_id, id, timestamp, last_accessed, encrypted_event, encryption_iv,
    expiry)
VALUES ($1, $2, $3::text::timestamptz, now(), $4, $5, $6::text::timestamptz)
"""
FOLLOW_SECRET = "INSERT INTO user_follow_secrets (id, user_id, value) VALUES ($1, $2, $3)"
INBOX_ITEM = "INSERT INTO user_inbox_items (id, user_id, encrypted_message) VALUES ($1, $2, $3)"
SHARED_ITEM = """
INSERT INTO shared_items (id, user_id, timestamp, expiry, encrypted_payload, encryption_iv)
VALUES ($1, $2, now(), $3::text::timestamptz, $4, $5)
"""

EVERY_BYTE = bytes(range(256))
IV = bytes(range(16))


@dataclass(frozen=True)
class Person:
    """A user of LiftLog's server for years."""

    lookup: str
    created: str = "2023-08-01 12:00:00+00"
    id: UUID = field(default_factory=uuid4)
    password: str = field(default_factory=lambda: str(uuid4()))
    secret: str = field(default_factory=lambda: str(uuid4()))
    name: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    public_key: bytes = field(default_factory=lambda: secrets.token_bytes(294))


async def add_person(
    connection: asyncpg.Connection, person: Person, *, rounds: int = 350_000
) -> None:
    """Store a person with a follow secret as LiftLog's server does.

    Fewer `rounds` are faster, for people who never log in.
    """
    salt = secrets.token_bytes(64)
    key = hashlib.pbkdf2_hmac("sha512", person.password.encode(), salt, rounds, dklen=64)
    await connection.execute(
        USER,
        person.id,
        person.lookup,
        key.hex().upper(),
        salt,
        EVERY_BYTE,
        person.name,
        person.created,
        IV,
        person.public_key,
    )
    await connection.execute(FOLLOW_SECRET, uuid4(), person.id, person.secret)
