"""The index by which a session is found from any of its refresh tokens, pruned ones included.

It is built beside running calls. A build that was interrupted leaves an invalid index behind; the
next run drops and builds it again.
"""

from alembic import op

revision = "feed_0008"
down_revision = "feed_0007"
branch_labels = None
depends_on = None

INDEX = "ix_sessions_family"


def upgrade() -> None:
    """Builds the index without keeping anybody from writing."""
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
        op.create_index(INDEX, "sessions", ["family"], postgresql_concurrently=True)


def downgrade() -> None:
    """Drops the index."""
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
