"""What bounds are kept by: usage of each user, networks of inbox messages, and when this began.

Nothing is counted here: a user's usage is counted when they store something for the first time
afterwards, and kept from then on by triggers, whoever writes.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0007"
down_revision = "feed_0006"
branch_labels = None
depends_on = None

# The table, its payload, and what of `user_usage` counts its rows.
COUNTED = (
    ("user_events", "encrypted_event", "events"),
    ("shared_items", "encrypted_payload", "shared_items"),
)
COUNT_WRITTEN = """
CREATE FUNCTION count_written_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE user_usage
        SET {counter} = {counter} + 1, bytes = bytes + octet_length(NEW.{payload})
        WHERE user_id = NEW.user_id;
    ELSE
        UPDATE user_usage
        SET bytes = bytes + octet_length(NEW.{payload}) - octet_length(OLD.{payload})
        WHERE user_id = NEW.user_id;
    END IF;
    RETURN NULL;
END $$
"""
COUNT_DELETED = """
CREATE FUNCTION count_deleted_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE user_usage AS usage
    SET {counter} = usage.{counter} - gone.count, bytes = usage.bytes - gone.bytes
    FROM (
        SELECT user_id, count(*) AS count, sum(octet_length({payload})) AS bytes
        FROM gone GROUP BY user_id
    ) AS gone
    WHERE usage.user_id = gone.user_id;
    RETURN NULL;
END $$
"""
TRIGGERS = """
CREATE TRIGGER count_inserted AFTER INSERT ON {table}
FOR EACH ROW EXECUTE FUNCTION count_written_{table}();
CREATE TRIGGER count_updated AFTER UPDATE ON {table}
FOR EACH ROW WHEN (octet_length(OLD.{payload}) <> octet_length(NEW.{payload}))
EXECUTE FUNCTION count_written_{table}();
CREATE TRIGGER count_deleted AFTER DELETE ON {table}
REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION count_deleted_{table}()
"""


def upgrade() -> None:
    """Creates the tables, the column and the triggers."""
    op.create_table(
        "user_usage",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("shared_items", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_user_usage"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_user_usage_users_user_id", ondelete="CASCADE"
        ),
        # Rewritten with each event: room for the next version, beside the last one.
        postgresql_with={"fillfactor": 50},
    )
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
    for table, payload, counter in COUNTED:
        names = {"table": table, "payload": payload, "counter": counter}
        op.execute(COUNT_WRITTEN.format(**names))
        op.execute(COUNT_DELETED.format(**names))
        for trigger in TRIGGERS.format(**names).split(";"):
            op.execute(trigger)


def downgrade() -> None:
    """Takes them away: usage is no longer counted."""
    for table, _, _ in COUNTED:
        for event in ("inserted", "updated", "deleted"):
            op.execute(f"DROP TRIGGER count_{event} ON {table}")
        op.execute(f"DROP FUNCTION count_written_{table}()")
        op.execute(f"DROP FUNCTION count_deleted_{table}()")
    op.drop_column("user_inbox_items", "network")
    op.drop_table("milestones")
    op.drop_table("network_keys")
    op.drop_table("user_usage")
