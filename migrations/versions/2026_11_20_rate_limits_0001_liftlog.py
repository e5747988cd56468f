"""The rate limits of a LiftLog server.

A branch of its own, because these tables may live in a database of their own
(RATE_LIMIT_DATABASE_URL).
"""

from alembic import op

from server.libraries.database.liftlog_schema import rate_limits

revision = "rate_limits_0001"
down_revision = None
branch_labels = ("rate_limits",)
depends_on = None


def upgrade() -> None:
    """Create LiftLog's table of rate limits."""
    rate_limits.create_all(op.get_bind(), checkfirst=False)


def downgrade() -> None:
    """Drop the table: used quotas are forgotten."""
    rate_limits.drop_all(op.get_bind(), checkfirst=False)
