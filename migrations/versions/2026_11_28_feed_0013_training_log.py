"""Exercises and sets of workouts, their figures, and changes in the order of commits: the tables.

Existing workouts stay as they are, at revision 0. Every table refers to `users` alone. If sets
referred to their workout, deleting a user with 100,000 workouts would run three statements for each
of them. Instead a trigger of the next migration deletes the exercises and sets of all workouts that
a statement deletes.
"""

import sqlalchemy as sa
from alembic import op

revision = "feed_0013"
down_revision = "feed_0012"
branch_labels = None
depends_on = None


def _counter(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def _volume() -> sa.Column[object]:
    return sa.Column("volume", sa.Numeric(), nullable=False, server_default="0")


def upgrade() -> None:
    """Create the tables and columns."""
    for name in ("start_time", "source"):
        op.add_column("workouts", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("workouts", sa.Column("updated", sa.DateTime(timezone=True)))
    op.add_column(
        "workouts", sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0")
    )
    for name in ("exercises_digest", "imported_digest"):
        op.add_column("workouts", sa.Column(name, sa.LargeBinary()))
    for name in ("size", "exercise_count", "set_count", "working_sets"):
        op.add_column("workouts", _counter(name))
    op.add_column("workouts", _volume())
    for name in ("set_count", "working_sets"):
        op.add_column("workout_days", _counter(name))
    op.add_column("workout_days", _volume())
    op.create_index("ix_workouts_user_id_revision_id", "workouts", ["user_id", "revision", "id"])
    _create_changes()
    _create_training()
    _create_figures()


def _create(name: str, *columns: sa.Column[object], key: tuple[str, ...]) -> None:
    """Create a table whose rows are deleted with their user."""
    op.create_table(
        name,
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("user_id", *key, name=f"pk_{name}"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=f"fk_{name}_users_user_id", ondelete="CASCADE"
        ),
    )


def _create_changes() -> None:
    _create(
        "workout_clocks",
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("pruned", sa.BigInteger(), nullable=False, server_default="0"),
        key=(),
    )
    _create(
        "workout_deletions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.DateTime(timezone=True), nullable=False),
        key=("id",),
    )
    op.create_index(
        "ix_workout_deletions_user_id_revision_id",
        "workout_deletions",
        ["user_id", "revision", "id"],
    )
    op.create_index("ix_workout_deletions_deleted", "workout_deletions", ["deleted"])


def _create_training() -> None:
    _create(
        "workout_exercises",
        sa.Column("workout_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text()),
        sa.Column("superset", sa.SmallInteger()),
        key=("workout_id", "position"),
    )
    _create(
        "workout_sets",
        sa.Column("workout_id", sa.Uuid(), nullable=False),
        sa.Column("exercise", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("reps", sa.Integer()),
        sa.Column("weight", sa.Numeric(8, 3)),
        sa.Column("weight_unit", sa.Text()),
        sa.Column("distance", sa.Numeric(11, 3)),
        sa.Column("distance_unit", sa.Text()),
        sa.Column("duration", sa.Integer()),
        sa.Column("rpe", sa.Numeric(3, 1)),
        sa.Column("completed", sa.Boolean()),
        sa.Column("notes", sa.Text()),
        key=("workout_id", "exercise", "position"),
    )


def _create_figures() -> None:
    _create(
        "exercises",
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("workouts", sa.Integer(), nullable=False),
        sa.Column("sets", sa.Integer(), nullable=False),
        key=("name_key",),
    )
    _create(
        "exercise_sessions",
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("workout_id", sa.Uuid(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sets", sa.Integer(), nullable=False),
        sa.Column("reps", sa.BigInteger(), nullable=False),
        sa.Column("volume", sa.Numeric(), nullable=False),
        sa.Column("distance", sa.Numeric()),
        sa.Column("duration", sa.BigInteger()),
        sa.Column("top_exercise", sa.SmallInteger(), nullable=False),
        sa.Column("top_set", sa.SmallInteger(), nullable=False),
        sa.Column("top_weight", sa.Numeric()),
        sa.Column("top_reps", sa.Integer()),
        sa.Column("best_exercise", sa.SmallInteger()),
        sa.Column("best_set", sa.SmallInteger()),
        sa.Column("best_estimate", sa.Numeric()),
        sa.Column("max_reps", sa.Integer()),
        sa.Column("max_distance", sa.Numeric()),
        sa.Column("max_duration", sa.Integer()),
        key=("name_key", "date", "workout_id"),
    )
    for name in ("top_weight", "best_estimate", "max_reps", "max_distance", "max_duration"):
        _create_record_index(name, f"{name} IS NOT NULL")
    _create_record_index("volume", "volume > 0")


def _create_record_index(column: str, holds: str) -> None:
    rest = [sa.text("top_reps DESC NULLS LAST")] if column == "top_weight" else []
    op.create_index(
        f"ix_exercise_sessions_{column}",
        "exercise_sessions",
        ["user_id", "name_key", sa.text(f"{column} DESC"), *rest, "date"],
        postgresql_where=sa.text(holds),
    )


def downgrade() -> None:
    """Drop them: all exercises and sets are lost."""
    for name in (
        "exercise_sessions",
        "exercises",
        "workout_sets",
        "workout_exercises",
        "workout_deletions",
        "workout_clocks",
    ):
        op.drop_table(name)
    op.drop_index("ix_workouts_user_id_revision_id", "workouts")
    for name in ("set_count", "working_sets", "volume"):
        op.drop_column("workout_days", name)
        op.drop_column("workouts", name)
    for name in (
        "start_time",
        "source",
        "updated",
        "revision",
        "exercises_digest",
        "imported_digest",
        "size",
        "exercise_count",
    ):
        op.drop_column("workouts", name)
