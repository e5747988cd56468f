"""Leases of inbox messages.

The default of the new column is a constant, so no row is rewritten. Workers of the previous release
read leased messages, too, until they are replaced.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0016"
down_revision = "feed_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("user_inbox_items", sa.Column("leased_until", sa.DateTime(timezone=True)))
    op.add_column(
        "user_inbox_items",
        sa.Column("deliveries", sa.Integer(), nullable=False, server_default="0"),
    )


def downgrade() -> None:
    """Drop them: leased messages are returned again."""
    op.drop_column("user_inbox_items", "deliveries")
    op.drop_column("user_inbox_items", "leased_until")
