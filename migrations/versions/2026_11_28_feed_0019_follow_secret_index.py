"""An index of follow secrets by their value.

Without it, each secret of a call is compared with all secrets of its user: a million for 200
secrets of a user with 5,000.
"""

from alembic import op

revision = "feed_0019"
down_revision = "feed_0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "ix_user_follow_secrets_user_id_value", "user_follow_secrets", ["user_id", "value"]
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_user_follow_secrets_user_id_value", "user_follow_secrets")
