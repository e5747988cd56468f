"""The unique index of usernames.

It is built concurrently with running calls. An interrupted build leaves an invalid index, which the
next run drops and builds again.
"""

from alembic import op

revision = "feed_0006"
down_revision = "feed_0005"
branch_labels = None
depends_on = None

INDEX = "ix_users_username_key"


def upgrade() -> None:
    """Build the index without blocking writes."""
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
        op.create_index(INDEX, "users", ["username_key"], unique=True, postgresql_concurrently=True)


def downgrade() -> None:
    """Drop the index."""
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, if_exists=True, postgresql_concurrently=True)
