"""The index for finding a session by any of its refresh tokens, including pruned ones.

It is built concurrently with running calls. An interrupted build leaves an invalid index, which the
next run drops and builds again.
"""

from alembic import op

revision = "feed_0008"
down_revision = "feed_0007"
branch_labels = None
depends_on = None

INDEX = "ix_sessions_family"


def upgrade() -> None:
    """Build the index without blocking writes."""
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
        op.create_index(INDEX, "sessions", ["family"], postgresql_concurrently=True)


def downgrade() -> None:
    """Drop the index."""
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
