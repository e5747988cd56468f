"""The index by which a username is found, and taken only once.

It is built beside running calls. A build that was interrupted leaves an invalid index behind; the
next run drops and builds it again.
"""

from alembic import op

revision = "feed_0006"
down_revision = "feed_0005"
branch_labels = None
depends_on = None

INDEX = "ix_users_username_key"


def upgrade() -> None:
    """Builds the index without keeping anybody from writing."""
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
        op.create_index(INDEX, "users", ["username_key"], unique=True, postgresql_concurrently=True)


def downgrade() -> None:
    """Drops the index."""
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
