"""The schema of a LiftLog server.

An empty database gets it here; the database of a running LiftLog server has it already and is only
stamped (`server/libraries/database/takeover.py`).
"""

from alembic import op

from server.libraries.database.liftlog_schema import feed

revision = "feed_0001"
down_revision = None
branch_labels = ("feed",)
depends_on = None


def upgrade() -> None:
    """Creates LiftLog's tables."""
    feed.create_all(op.get_bind(), checkfirst=False)


def downgrade() -> None:
    """Refuses: every user and every workout would be gone."""
    raise RuntimeError("Nothing is older than this schema. To delete all data, drop the database.")
