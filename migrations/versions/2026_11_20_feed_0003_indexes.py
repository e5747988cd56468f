"""Indexes for polling a feed and for deleting expired rows.

They are built concurrently with running calls. An interrupted build leaves an invalid index, which
the next run drops and builds again.
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
    """Build the indexes without blocking writes."""
    with op.get_context().autocommit_block():
        for table, columns in INDEXES:
            name = index_name(table, columns)
            op.drop_index(name, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_concurrently=True)


def downgrade() -> None:
    """Drop the indexes."""
    with op.get_context().autocommit_block():
        for table, columns in INDEXES:
            op.drop_index(index_name(table, columns), if_exists=True, postgresql_concurrently=True)


def index_name(table: str, columns: list[str]) -> str:
    """Return the name of the index of `columns` by the schema's naming convention."""
    return f"ix_{table}_{'_'.join(columns)}"
