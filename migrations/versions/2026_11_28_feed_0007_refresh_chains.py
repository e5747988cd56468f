"""Refresh tokens whose successors can be issued again, and the last use of sessions.

The new columns are optional, so workers of the release before go on writing rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0007"
down_revision = "feed_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. feed_0008 builds the index of families."""
    op.add_column("sessions", sa.Column("last_used", sa.DateTime(timezone=True)))
    op.add_column("sessions", sa.Column("family", sa.LargeBinary()))
    op.add_column(
        "sessions", sa.Column("confirmed", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column(
        "refresh_tokens", sa.Column("generation", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("refresh_tokens", sa.Column("successor_key", sa.LargeBinary()))


def downgrade() -> None:
    """Drop the columns: a repeated refresh token ends its session again."""
    op.drop_column("refresh_tokens", "successor_key")
    op.drop_column("refresh_tokens", "generation")
    op.drop_column("sessions", "confirmed")
    op.drop_column("sessions", "family")
    op.drop_column("sessions", "last_used")
