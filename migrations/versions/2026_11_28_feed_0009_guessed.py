"""The time until which a user's passwords are rejected for some address.

It is stored beside the password's hash, which every password check reads, so workers that remember
a password see it without another query.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0009"
down_revision = "feed_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("users", sa.Column("guessed", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("users", "guessed")
