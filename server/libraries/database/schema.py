"""The whole schema on one page.

It begins with the tables of a LiftLog server, by the same names, so its database can be taken
over unchanged (see `takeover.py`). Gymlocker's additions are marked; later migrations made them.
"""

from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    func,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

Timestamp = DateTime(timezone=True)


def owner(*, primary_key: bool = False) -> Column[UUID]:
    """Return the column of the user who owns a row, which is deleted with the user."""
    return Column(
        "user_id",
        Uuid,
        ForeignKey("users.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
        # A primary key that begins with the user needs no other index.
        index=not primary_key,
    )


users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_lookup", Text, nullable=False, index=True, unique=True),
    # PBKDF2-HMAC-SHA512 as upper-case hex: see `services/credentials/password_hashing.py`.
    Column("hashed_password", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("last_accessed", Timestamp, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("encrypted_current_plan", LargeBinary),
    Column("encrypted_profile_picture", LargeBinary),
    Column("encrypted_name", LargeBinary),
    Column("encryption_iv", LargeBinary, nullable=False),
    Column("rsa_public_key", LargeBinary, nullable=False),
    # Gymlocker's: an account is a user with a username. Usernames are compared by the key.
    Column("username", Text),
    Column("username_key", Text, index=True, unique=True),
    # Gymlocker's: until when passwords of this user are rejected for some address. It is read with
    # the hash, and makes workers that remember the password check the limits.
    Column("guessed", Timestamp),
    # For the sweeper, which deletes only users without a username.
    Index(None, "last_accessed", postgresql_where=text("username IS NULL")),
)

user_events = Table(
    "user_events",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("timestamp", Timestamp, nullable=False),
    Column("last_accessed", Timestamp, nullable=False),
    Column("expiry", Timestamp, nullable=False, index=True),
    Column("encrypted_event", LargeBinary, nullable=False),
    Column("encryption_iv", LargeBinary, nullable=False),
    # Gymlocker's: polls read only new events.
    Index(None, "user_id", "timestamp"),
)

# Gymlocker's: the newest timestamp of each user's events. Writers of one user lock this row, so
# timestamps are in the order of commits. Since they write it anyway, it also holds the number of
# events, and the bytes of events and shared items; NULL if they were not counted yet. Triggers
# subtract deleted rows: see the migration feed_0011.
user_event_clocks = Table(
    "user_event_clocks",
    metadata,
    owner(primary_key=True),
    Column("timestamp", Timestamp, nullable=False),
    Column("events", Integer),
    Column("bytes", BigInteger),
    # Time of the last count of all rows.
    Column("counted", Timestamp),
)

user_follow_secrets = Table(
    "user_follow_secrets",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner(),
    Column("value", String(40), nullable=False),
)

user_inbox_items = Table(
    "user_inbox_items",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner(),
    Column("encrypted_message", ARRAY(LargeBinary), nullable=False),
    # Gymlocker's: time of arrival, NULL for older messages.
    Column("received", Timestamp, server_default=func.clock_timestamp(), index=True),
    # A hash of the sender's network, keyed with the key of that day: see `network_keys`.
    Column("network", LargeBinary),
)

shared_items = Table(
    "shared_items",
    metadata,
    Column("id", Text, primary_key=True),
    owner(),
    Column("timestamp", Timestamp, nullable=False),
    # The index is Gymlocker's, for the sweeper.
    Column("expiry", Timestamp, nullable=False, index=True),
    Column("encrypted_payload", LargeBinary, nullable=False),
    Column("encryption_iv", LargeBinary, nullable=False),
)

# From here on, all tables are Gymlocker's. The keys that networks are hashed with, one for each
# day of UTC. When the day is over, the key is deleted: hashes can no longer be traced to networks.
network_keys = Table(
    "network_keys",
    metadata,
    Column("day", Date, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

# The times from which certain facts are recorded in this database.
milestones = Table(
    "milestones",
    metadata,
    Column("name", Text, primary_key=True),
    Column("time", Timestamp, nullable=False),
)

# A session lasts from a login to a logout.
sessions = Table(
    "sessions",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("created", Timestamp, nullable=False),
    Column("expiry", Timestamp, nullable=False, index=True),
    # As exact as `services/auth/session_repository.py` keeps it. NULL for older sessions.
    Column("last_used", Timestamp),
    # The SHA-256 of the common part of the session's refresh tokens: see
    # `services/auth/refresh_token.py`.
    Column("family", LargeBinary, index=True),
    # The newest generation with a used token.
    Column("confirmed", Integer, nullable=False, server_default="0"),
)

# The newest refresh token of each session and recently spent ones, by their SHA-256.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("used", Timestamp),
    # 0 if it was issued before generations were counted.
    Column("generation", Integer, nullable=False, server_default="0"),
    # Derives the successor from a spent token. Without the token it is worthless.
    Column("successor_key", LargeBinary),
    ForeignKeyConstraint(
        ["user_id", "session_id"], ["sessions.user_id", "sessions.id"], ondelete="CASCADE"
    ),
    Index(None, "user_id", "session_id"),
)

# Idempotency keys, for as long as their requests may be repeated: the SHA-256 of the key and of the
# contents, and the answer.
request_keys = Table(
    "request_keys",
    metadata,
    owner(primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("contents", LargeBinary, nullable=False),
    Column("answer", Text, nullable=False),
    Column("expiry", Timestamp, nullable=False, index=True),
)

workouts = Table(
    "workouts",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("date", Date, nullable=False),
    Column("type", Text, nullable=False),
    # Types are compared by it.
    Column("type_key", Text, nullable=False),
    Column("duration", Integer, nullable=False),
    Column("notes", Text, nullable=False),
    Column("created", Timestamp, nullable=False),
    # A page of all workouts, or of one type's, is read from its first row on.
    Index(None, "user_id", "date", "created", "id"),
    Index(None, "user_id", "type_key", "date", "created", "id"),
)

# Daily sums of `workouts`, maintained by its trigger (see the migration feed_0005), so statistics
# of a year cost the same however many workouts there are.
workout_days = Table(
    "workout_days",
    metadata,
    owner(primary_key=True),
    Column("date", Date, primary_key=True),
    Column("type_key", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("minutes", BigInteger, nullable=False),
)

# May live in a database of its own (RATE_LIMIT_DATABASE_URL). `key` is the upper-case hex SHA-256
# of a purchase token.
rate_limit_consumptions = Table(
    "rate_limit_consumptions",
    metadata,
    Column("key", Text, primary_key=True),
    Column("requests", ARRAY(Timestamp), nullable=False),
)

# In the same database: the buckets of rate limits, each stored as the time at which it is empty.
# `key` is the SHA-256 of what is limited, and for whom. Also the times until which an address is
# known for an account.
password_failures = Table(
    "password_failures",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("forgiven", Timestamp, nullable=False, index=True),
)
