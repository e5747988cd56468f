"""Until when a user's passwords are refused at some address.

It stands beside the stored hash, which is read for every password, so that workers which remember a
password learn of it without another query.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0009"
down_revision = "feed_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("users", sa.Column("guessed", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drops the column."""
    op.drop_column("users", "guessed")
