"""Users and the encrypted feed: the tables of a LiftLog server, by the same names.

So its database can be taken over unchanged (see `takeover.py`). Gymlocker's additions are marked;
later migrations made them.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
    false,
    func,
    text,
)

from server.libraries.database.schema.base import Timestamp, metadata, owner

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
    # Gymlocker's: since when the operator has refused this user; NULL if not.
    Column("disabled", Timestamp),
    # Gymlocker's: whether backups that arrive are imported into the training log.
    Column("import_backups", Boolean, nullable=False, server_default=false()),
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
    # The newest deletion that is no longer in `user_event_deletions`.
    Column("pruned", Timestamp),
)

# Gymlocker's: deleted and expired events, for followers who have read them. A trigger adds them
# with the next time of the user's clock, so events and deletions have one order, that of commits.
user_event_deletions = Table(
    "user_event_deletions",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("timestamp", Timestamp, nullable=False, index=True),
    Index(None, "user_id", "timestamp"),
)

user_follow_secrets = Table(
    "user_follow_secrets",
    metadata,
    Column("id", Uuid, primary_key=True),
    owner(),
    Column("value", String(40), nullable=False),
    # Gymlocker's: a call may name 200 secrets of a user who has 5,000.
    Index(None, "user_id", "value"),
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
    # Gymlocker's: end of the last lease, NULL if there was none, and the number of leases.
    Column("leased_until", Timestamp),
    Column("deliveries", Integer, nullable=False, server_default="0"),
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
