"""The whole schema on one page.

The tables of a running LiftLog server, name for name, so that its database can be taken over as it
stands (see `takeover.py`). What Gymlocker added to them is marked; it came by later migrations.
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
    """A column that leads to the user whose row it is, and goes when they go."""
    return Column(
        "user_id",
        Uuid,
        ForeignKey("users.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
        # A primary key that leads with the user needs no other index.
        index=not primary_key,
    )


users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_lookup", Text, nullable=False, index=True, unique=True),
    # PBKDF2-HMAC-SHA512 as upper-case hex: see `auth/password.py`.
    Column("hashed_password", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("last_accessed", Timestamp, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("encrypted_current_plan", LargeBinary),
    Column("encrypted_profile_picture", LargeBinary),
    Column("encrypted_name", LargeBinary),
    Column("encryption_iv", LargeBinary, nullable=False),
    Column("rsa_public_key", LargeBinary, nullable=False),
    # Gymlocker's: an account is a user with a username. The key is what usernames are compared by.
    Column("username", Text),
    Column("username_key", Text, index=True, unique=True),
    # Gymlocker's: until when passwords of this user are refused at some address. Read with the
    # hash, it tells workers that remember the password to look at the limits.
    Column("guessed", Timestamp),
    # For the sweeper: only who has no username is ever swept.
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
    # Gymlocker's: a poll reads what is new, not all that a user ever published.
    Index(None, "user_id", "timestamp"),
)

# Gymlocker's: the newest timestamp of each user's events. Its row is the lock that puts the
# writers of one user in line, so that timestamps are in the order of commits. As they write it
# anyway, it also says how many events there are, and how many bytes they and the shared items have:
# NULL until somebody counted. Where rows go, triggers see to it: see the migration feed_0007.
user_event_clocks = Table(
    "user_event_clocks",
    metadata,
    owner(primary_key=True),
    Column("timestamp", Timestamp, nullable=False),
    Column("events", Integer),
    Column("bytes", BigInteger),
    # When it was last counted, row by row.
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
    # Gymlocker's: when the message came. Unknown for messages of the time before.
    Column("received", Timestamp, server_default=func.clock_timestamp(), index=True),
    # A hash of the network it came from, keyed with the key of that day: see `network_keys`.
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

# From here on all is Gymlocker's. The keys by which networks are hashed, each for a day of UTC.
# When a day is over its key goes, and with it all that could tell from a hash which network it was.
network_keys = Table(
    "network_keys",
    metadata,
    Column("day", Date, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

# Since when this database is kept by certain rules: what was not written down before is not missed.
milestones = Table(
    "milestones",
    metadata,
    Column("name", Text, primary_key=True),
    Column("time", Timestamp, nullable=False),
)

# A session lives from a login to a logout.
sessions = Table(
    "sessions",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("created", Timestamp, nullable=False),
    Column("expiry", Timestamp, nullable=False, index=True),
    # Precise to `auth/session_repository.py`. Unknown for sessions of the time before.
    Column("last_used", Timestamp),
    # The SHA-256 of what all refresh tokens of the session have in common, see
    # `auth/rotating_token.py`.
    Column("family", LargeBinary, index=True),
    # The newest generation of tokens of which one was used.
    Column("confirmed", Integer, nullable=False, server_default="0"),
)

# The newest refresh token of a session and those lately spent, by their SHA-256.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("used", Timestamp),
    # 0: issued before generations were counted.
    Column("generation", Integer, nullable=False, server_default="0"),
    # Derives the successor from a token that was spent. Alone it yields nothing.
    Column("successor_key", LargeBinary),
    ForeignKeyConstraint(
        ["user_id", "session_id"], ["sessions.user_id", "sessions.id"], ondelete="CASCADE"
    ),
    Index(None, "user_id", "session_id"),
)

# Requests that named themselves, for as long as they may be repeated: by the SHA-256 of the name,
# with that of the contents and what was answered.
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
    # What types are compared by.
    Column("type_key", Text, nullable=False),
    Column("duration", Integer, nullable=False),
    Column("notes", Text, nullable=False),
    Column("created", Timestamp, nullable=False),
    # A page of all workouts, or of those of one type, is read from its first row on.
    Index(None, "user_id", "date", "created", "id"),
    Index(None, "user_id", "type_key", "date", "created", "id"),
)

# Sums over `workouts`, kept by its trigger (see the migration feed_0005), so that figures of a year
# cost the same however many workouts a person has.
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

# In the same database: the buckets by which rates are counted, first of all of wrong passwords.
# Each is the time at which it is empty. `key` is the SHA-256 of what it counts, and for whom. Also,
# until when an address is known for an account.
password_failures = Table(
    "password_failures",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("forgiven", Timestamp, nullable=False, index=True),
)
