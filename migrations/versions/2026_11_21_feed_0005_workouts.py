"""Workouts, and daily sums that a trigger maintains."""

import sqlalchemy as sa
from alembic import op

revision = "feed_0005"
down_revision = "feed_0004"
branch_labels = None
depends_on = None

COUNT_WORKOUTS = """
CREATE FUNCTION count_workouts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Whoever changes several days locks them in one order, and so waits for nobody who waits.
    IF TG_OP = 'UPDATE' THEN
        PERFORM FROM workout_days AS day
        WHERE (day.user_id, day.date, day.type_key) IN (
            SELECT user_id, date, type_key FROM old_workouts
            UNION SELECT user_id, date, type_key FROM new_workouts
        )
        ORDER BY day.user_id, day.date, day.type_key FOR UPDATE;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM FROM workout_days AS day
        WHERE (day.user_id, day.date, day.type_key) IN (
            SELECT user_id, date, type_key FROM old_workouts
        )
        ORDER BY day.user_id, day.date, day.type_key FOR UPDATE;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        UPDATE workout_days AS day
        SET count = day.count - gone.count, minutes = day.minutes - gone.minutes
        FROM (
            SELECT user_id, date, type_key, count(*) AS count, sum(duration) AS minutes
            FROM old_workouts GROUP BY user_id, date, type_key
        ) AS gone
        WHERE day.user_id = gone.user_id AND day.date = gone.date
            AND day.type_key = gone.type_key;
        DELETE FROM workout_days AS day
        USING old_workouts AS gone
        WHERE day.user_id = gone.user_id AND day.date = gone.date
            AND day.type_key = gone.type_key AND day.count = 0;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO workout_days AS day (user_id, date, type_key, count, minutes)
        SELECT user_id, date, type_key, count(*), sum(duration)
        FROM new_workouts GROUP BY user_id, date, type_key
        ORDER BY user_id, date, type_key
        ON CONFLICT (user_id, date, type_key) DO UPDATE
        SET count = day.count + excluded.count, minutes = day.minutes + excluded.minutes;
    END IF;
    RETURN NULL;
END $$
"""

TRIGGERS = {
    "INSERT": "NEW TABLE AS new_workouts",
    "UPDATE": "OLD TABLE AS old_workouts NEW TABLE AS new_workouts",
    "DELETE": "OLD TABLE AS old_workouts",
}


def upgrade() -> None:
    """Create the tables, their indexes and the trigger."""
    op.create_table(
        "workouts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("type_key", sa.Text(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_workouts"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_workouts_users_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_workouts_user_id_date_created_id", "workouts", ["user_id", "date", "created", "id"]
    )
    op.create_index(
        "ix_workouts_user_id_type_key_date_created_id",
        "workouts",
        ["user_id", "type_key", "date", "created", "id"],
    )
    op.create_table(
        "workout_days",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("type_key", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "date", "type_key", name="pk_workout_days"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_workout_days_users_user_id", ondelete="CASCADE"
        ),
    )
    op.execute(COUNT_WORKOUTS)
    for event, tables in TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER count_workouts_after_{event.lower()} AFTER {event} ON workouts "
            f"REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION count_workouts()"
        )


def downgrade() -> None:
    """Drop them: all workouts are lost."""
    op.drop_table("workout_days")
    op.drop_table("workouts")
    op.execute("DROP FUNCTION count_workouts()")
