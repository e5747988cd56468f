"""Clocks that order events by commit, and the time of arrival of inbox messages.

No row of LiftLog's tables is rewritten: the new column is NULL in existing messages.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0002"
down_revision = "feed_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the clocks, set to each user's newest event, and `user_inbox_items.received`."""
    op.create_table(
        "user_event_clocks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_user_event_clocks"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name="fk_user_event_clocks_users_user_id",
            ondelete="CASCADE",
        ),
    )
    op.execute(
        "INSERT INTO user_event_clocks (user_id, timestamp) "
        # Infinity, which Npgsql may have written, would stop a clock forever.
        "SELECT user_id, max(timestamp) FROM user_events "
        "WHERE isfinite(timestamp) GROUP BY user_id"
    )
    # In two steps, for adding the column with this default would rewrite the table.
    op.add_column("user_inbox_items", sa.Column("received", sa.DateTime(timezone=True)))
    op.alter_column("user_inbox_items", "received", server_default=sa.text("clock_timestamp()"))


def downgrade() -> None:
    """Drop the clocks and the column."""
    op.drop_column("user_inbox_items", "received")
    op.drop_table("user_event_clocks")
