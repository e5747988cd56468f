"""Accounts: usernames of users, their sessions and refresh tokens.

No row of LiftLog's tables is rewritten: users have no username until they take one.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0004"
down_revision = "feed_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and tables. feed_0006 builds the index of usernames."""
    op.add_column("users", sa.Column("username", sa.Text()))
    op.add_column("users", sa.Column("username_key", sa.Text()))
    op.create_table(
        "sessions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expiry", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_sessions_users_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_sessions_expiry", "sessions", ["expiry"])
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("used", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"],
            ["sessions.user_id", "sessions.id"],
            name="fk_refresh_tokens_sessions_user_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_refresh_tokens_user_id_session_id", "refresh_tokens", ["user_id", "session_id"]
    )


def downgrade() -> None:
    """Drop them: usernames are lost, all users are logged out."""
    op.drop_table("refresh_tokens")
    op.drop_table("sessions")
    op.drop_column("users", "username_key")
    op.drop_column("users", "username")
