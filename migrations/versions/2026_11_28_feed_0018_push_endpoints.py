"""Web Push endpoints."""

import sqlalchemy as sa
from alembic import op

revision = "feed_0018"
down_revision = "feed_0017"
branch_labels = None
depends_on = None

Timestamp = sa.DateTime(timezone=True)


def _counter(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "push_endpoints",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.LargeBinary(), nullable=False),
        sa.Column("auth", sa.LargeBinary(), nullable=False),
        sa.Column("created", Timestamp, nullable=False),
        sa.Column("confirmed", Timestamp),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("challenged", Timestamp, nullable=False),
        _counter("challenges"),
        _counter("wrong_challenges"),
        sa.Column("due", Timestamp),
        sa.Column("waiting", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("attempted", Timestamp),
        sa.Column("pushed", Timestamp),
        _counter("failures"),
        sa.Column("failing", Timestamp),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_push_endpoints"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_push_endpoints_users_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_push_endpoints_due",
        "push_endpoints",
        ["due"],
        postgresql_where=sa.text("due IS NOT NULL"),
    )
    op.create_index(
        "ix_push_endpoints_challenged",
        "push_endpoints",
        ["challenged"],
        postgresql_where=sa.text("confirmed IS NULL"),
    )


def downgrade() -> None:
    """Drop it: devices have to register again."""
    op.drop_table("push_endpoints")
