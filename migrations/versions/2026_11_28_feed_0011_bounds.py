"""State of the limits: usage of users, networks of inbox messages, time of this migration.

The migration counts nothing. Usage is counted when a user first stores something afterwards, then
maintained by the statements that store and by triggers on deletion.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0011"
down_revision = "feed_0010"
branch_labels = None
depends_on = None

# Table, payload, and whether its rows are counted.
COUNTED = (("user_events", "encrypted_event", True), ("shared_items", "encrypted_payload", False))
COUNT_DELETED = """
CREATE FUNCTION count_deleted_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE user_event_clocks AS clock
    SET {rows} bytes = clock.bytes - gone.bytes
    FROM (
        SELECT user_id, count(*) AS count, sum(octet_length({payload})) AS bytes
        FROM gone GROUP BY user_id
    ) AS gone
    -- Also for a clock that was never counted: a concurrent count has locked it, so this waits and
    -- subtracts afterwards.
    WHERE clock.user_id = gone.user_id;
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER count_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION count_deleted_{table}()
"""


def upgrade() -> None:
    """Create the tables, the column and the triggers."""
    op.add_column("user_event_clocks", sa.Column("events", sa.Integer()))
    op.add_column("user_event_clocks", sa.Column("bytes", sa.BigInteger()))
    op.add_column("user_event_clocks", sa.Column("counted", sa.DateTime(timezone=True)))
    op.create_table(
        "network_keys",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_network_keys"),
    )
    op.create_table(
        "milestones",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_milestones"),
    )
    op.execute("INSERT INTO milestones (name, time) VALUES ('bounds', now())")
    op.add_column("user_inbox_items", sa.Column("network", sa.LargeBinary()))
    for table, payload, one_by_one in COUNTED:
        rows = "events = clock.events - gone.count," if one_by_one else ""
        op.execute(COUNT_DELETED.format(table=table, payload=payload, rows=rows))
        op.execute(TRIGGER.format(table=table))


def downgrade() -> None:
    """Drop them: usage is no longer counted."""
    for table, _, _ in COUNTED:
        op.execute(f"DROP TRIGGER count_deleted ON {table}")
        op.execute(f"DROP FUNCTION count_deleted_{table}()")
    op.drop_column("user_inbox_items", "network")
    op.drop_table("milestones")
    op.drop_table("network_keys")
    for column in ("counted", "bytes", "events"):
        op.drop_column("user_event_clocks", column)
