"""Accounts, idempotency and limits: tables of Gymlocker's own."""

from sqlalchemy import (
    ARRAY,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)

from server.libraries.database.schema.base import Timestamp, metadata, owner

# The keys that networks are hashed with, one for each
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

# One row: an identity of this database and its key for cursors. See `incarnation.py`.
incarnations = Table(
    "incarnations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("cursor_key", LargeBinary, nullable=False),
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
    # The `user-agent` header of the login.
    Column("user_agent", Text),
)

# Identities that have no login of their own: `default` (without a name) owns the backups of the
# server's shared key, `forwarded` are names that a trusted proxy has authenticated. Their users
# have no username and a password that nobody knows. A forwarded name may be linked to an account.
identities = Table(
    "identities",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    owner(),
)

# Access keys, by their SHA-256.
access_keys = Table(
    "access_keys",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("hash", LargeBinary, nullable=False, index=True, unique=True),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created", Timestamp, nullable=False),
    # NULL if the key is valid until it is deleted.
    Column("expiry", Timestamp),
    # As exact as `services/auth/access_key_repository.py` keeps it.
    Column("last_used", Timestamp),
)

# Unused invitations, by their SHA-256.
invitations = Table(
    "invitations",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("created", Timestamp, nullable=False),
    Column("expiry", Timestamp, nullable=False, index=True),
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
