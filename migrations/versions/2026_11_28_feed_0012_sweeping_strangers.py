"""The indexes by which old inbox messages and users who were not seen for long are found.

They are built beside running calls. A build that was interrupted leaves an invalid index behind;
the next run drops and builds it again.
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
    """Builds the indexes without keeping anybody from writing."""
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
    """Drops the indexes."""
    with op.get_context().autocommit_block():
        op.drop_index(RECEIVED, if_exists=True, postgresql_concurrently=True)
        op.drop_index(LAST_ACCESSED, if_exists=True, postgresql_concurrently=True)
