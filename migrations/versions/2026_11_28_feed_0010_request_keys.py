"""Idempotency keys, kept for a day."""

import sqlalchemy as sa
from alembic import op

revision = "feed_0010"
down_revision = "feed_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "request_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("contents", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("expiry", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name="pk_request_keys"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_request_keys_users_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_request_keys_expiry", "request_keys", ["expiry"])


def downgrade() -> None:
    """Drop it: repeated requests are executed again."""
    op.drop_table("request_keys")
