"""The frozen schema of a LiftLog server's databases, which Gymlocker takes over.

The first migrations create exactly this, and `takeover.py` compares existing databases with it.
Source: the migrations of LiftLog's server up to `IncreaseMaxSize` of June 2026. Later changes
are in `schema.py`.
"""

from sqlalchemy import (
    ARRAY,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    Uuid,
)

Timestamp = DateTime(timezone=True)

feed = MetaData()
rate_limits = MetaData()


def _belongs_to_user(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["user_id"], ["users.id"], name=f"fk_{table}_users_user_id", ondelete="CASCADE"
    )


Table(
    "users",
    feed,
    Column("id", Uuid, nullable=False),
    Column("user_lookup", Text, nullable=False),
    Column("hashed_password", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("last_accessed", Timestamp, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("encrypted_current_plan", LargeBinary),
    Column("encrypted_profile_picture", LargeBinary),
    Column("encrypted_name", LargeBinary),
    Column("encryption_iv", LargeBinary, nullable=False),
    Column("rsa_public_key", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id", name="pk_users"),
    Index("ix_users_user_lookup", "user_lookup", unique=True),
)

Table(
    "user_events",
    feed,
    Column("user_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("timestamp", Timestamp, nullable=False),
    Column("last_accessed", Timestamp, nullable=False),
    Column("expiry", Timestamp, nullable=False),
    Column("encrypted_event", LargeBinary, nullable=False),
    Column("encryption_iv", LargeBinary, nullable=False),
    PrimaryKeyConstraint("user_id", "id", name="pk_user_events"),
    _belongs_to_user("user_events"),
    Index("ix_user_events_expiry", "expiry"),
)

Table(
    "user_follow_secrets",
    feed,
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("value", String(40), nullable=False),
    PrimaryKeyConstraint("id", name="pk_user_follow_secrets"),
    _belongs_to_user("user_follow_secrets"),
    Index("ix_user_follow_secrets_user_id", "user_id"),
)

Table(
    "user_inbox_items",
    feed,
    Column("id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("encrypted_message", ARRAY(LargeBinary), nullable=False),
    PrimaryKeyConstraint("id", name="pk_user_inbox_items"),
    _belongs_to_user("user_inbox_items"),
    Index("ix_user_inbox_items_user_id", "user_id"),
)

Table(
    "shared_items",
    feed,
    Column("id", Text, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("timestamp", Timestamp, nullable=False),
    Column("expiry", Timestamp, nullable=False),
    Column("encrypted_payload", LargeBinary, nullable=False),
    Column("encryption_iv", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id", name="pk_shared_items"),
    _belongs_to_user("shared_items"),
    Index("ix_shared_items_user_id", "user_id"),
)

Table(
    "rate_limit_consumptions",
    rate_limits,
    Column("key", Text, nullable=False),
    Column("requests", ARRAY(Timestamp), nullable=False),
    PrimaryKeyConstraint("key", name="pk_rate_limit_consumptions"),
)
