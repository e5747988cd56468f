"""The schema of a LiftLog server.

It is created in an empty database; the database of a LiftLog server has it already and is only
stamped (`server/libraries/database/takeover.py`).
"""

from alembic import op

from server.libraries.database.liftlog_schema import feed

revision = "feed_0001"
down_revision = None
branch_labels = ("feed",)
depends_on = None


def upgrade() -> None:
    """Create LiftLog's tables."""
    feed.create_all(op.get_bind(), checkfirst=False)


def downgrade() -> None:
    """Refuse: it would delete all users and workouts."""
    raise RuntimeError("Nothing is older than this schema. To delete all data, drop the database.")
