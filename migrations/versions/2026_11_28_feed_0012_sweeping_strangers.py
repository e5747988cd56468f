"""Indexes for finding old inbox messages and unused users.

They are built concurrently with running calls. An interrupted build leaves an invalid index, which
the next run drops and builds again.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0012"
down_revision = "feed_0011"
branch_labels = None
depends_on = None

RECEIVED = "ix_user_inbox_items_received"
LAST_ACCESSED = "ix_users_last_accessed"


def upgrade() -> None:
    """Build the indexes without blocking writes."""
    with op.get_context().autocommit_block():
        op.drop_index(RECEIVED, if_exists=True, postgresql_concurrently=True)
        op.create_index(RECEIVED, "user_inbox_items", ["received"], postgresql_concurrently=True)
        op.drop_index(LAST_ACCESSED, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            LAST_ACCESSED,
            "users",
            ["last_accessed"],
            postgresql_where=sa.text("username IS NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Drop the indexes."""
    with op.get_context().autocommit_block():
        op.drop_index(RECEIVED, if_exists=True, postgresql_concurrently=True)
        op.drop_index(LAST_ACCESSED, if_exists=True, postgresql_concurrently=True)
