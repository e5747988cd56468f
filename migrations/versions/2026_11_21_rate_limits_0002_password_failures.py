"""Wrong passwords, by account and address."""

import sqlalchemy as sa
from alembic import op

revision = "rate_limits_0002"
down_revision = "rate_limits_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "password_failures",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("forgiven", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_password_failures"),
    )
    op.create_index("ix_password_failures_forgiven", "password_failures", ["forgiven"])


def downgrade() -> None:
    """Drop the table: all failures are forgotten."""
    op.drop_table("password_failures")
