"""Deletions of events, told to followers for a time, and the identity of the database.

A trigger records them, for the workers of this release and of the one before alike.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0017"
down_revision = "feed_0016"
branch_labels = None
depends_on = None

# The user is locked first, as in deleting a user, and then the clock, last, as before. A deleted
# user is no longer there: their rows are deleted by their own foreign keys.
RECORD = """
CREATE OR REPLACE FUNCTION count_deleted_user_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH owner AS (
        SELECT id FROM users WHERE id IN (SELECT user_id FROM gone) ORDER BY id FOR KEY SHARE
    ), tick AS (
        UPDATE user_event_clocks AS clock
        SET timestamp = greatest(clock_timestamp(), clock.timestamp + interval '1 microsecond'),
            events = clock.events - gone.count, bytes = clock.bytes - gone.bytes
        FROM (
            SELECT user_id, count(*) AS count, sum(octet_length(encrypted_event)) AS bytes
            FROM gone JOIN owner ON owner.id = gone.user_id GROUP BY user_id
        ) AS gone
        -- Also for a clock that was never counted: a concurrent count has locked it, so this waits
        -- and subtracts afterwards.
        WHERE clock.user_id = gone.user_id
        RETURNING clock.user_id, clock.timestamp
    )
    INSERT INTO user_event_deletions (user_id, id, timestamp)
    SELECT gone.user_id, gone.id, tick.timestamp
    FROM gone JOIN tick ON tick.user_id = gone.user_id
    ON CONFLICT (user_id, id) DO UPDATE SET timestamp = excluded.timestamp;
    RETURN NULL;
END $$
"""
COUNT = """
CREATE OR REPLACE FUNCTION count_deleted_user_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE user_event_clocks AS clock
    SET events = clock.events - gone.count, bytes = clock.bytes - gone.bytes
    FROM (
        SELECT user_id, count(*) AS count, sum(octet_length(encrypted_event)) AS bytes
        FROM gone GROUP BY user_id
    ) AS gone
    WHERE clock.user_id = gone.user_id;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Create the tables, and replace the trigger's function."""
    op.create_table(
        "user_event_deletions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_user_event_deletions"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name="fk_user_event_deletions_users_user_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_user_event_deletions_user_id_timestamp",
        "user_event_deletions",
        ["user_id", "timestamp"],
    )
    op.create_index("ix_user_event_deletions_timestamp", "user_event_deletions", ["timestamp"])
    op.add_column("user_event_clocks", sa.Column("pruned", sa.DateTime(timezone=True)))
    op.create_table(
        "incarnations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cursor_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incarnations"),
    )
    # Two UUIDs of version 4: 244 random bits.
    op.execute(
        "INSERT INTO incarnations (id, cursor_key) SELECT gen_random_uuid(),"
        " uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())"
    )
    op.execute(RECORD)


def downgrade() -> None:
    """Drop them: followers are no longer told of deletions."""
    op.execute(COUNT)
    op.drop_table("incarnations")
    op.drop_column("user_event_clocks", "pruned")
    op.drop_table("user_event_deletions")
