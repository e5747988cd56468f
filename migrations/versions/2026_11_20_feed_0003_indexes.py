"""Indexes for polling a feed and for removing what has expired.

They are built beside running calls. A build that was interrupted leaves an invalid index behind;
the next run drops and builds it again.
"""

from alembic import op

revision = "feed_0003"
down_revision = "feed_0002"
branch_labels = None
depends_on = None

INDEXES = (
    ("user_events", ["user_id", "timestamp"]),
    ("shared_items", ["expiry"]),
)


def upgrade() -> None:
    """Builds the indexes without keeping anybody from writing."""
    with op.get_context().autocommit_block():
        for table, columns in INDEXES:
            name = index_name(table, columns)
            op.drop_index(name, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_concurrently=True)


def downgrade() -> None:
    """Drops the indexes."""
    with op.get_context().autocommit_block():
        for table, columns in INDEXES:
            op.drop_index(index_name(table, columns), if_exists=True, postgresql_concurrently=True)


def index_name(table: str, columns: list[str]) -> str:
    """The name of the index of `columns`, as the schema's naming convention has it."""
    return f"ix_{table}_{'_'.join(columns)}"
