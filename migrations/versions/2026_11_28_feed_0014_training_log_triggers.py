"""Functions and triggers of the training log: revisions, deletions and sums.

They also serve workers of the previous release, which do not set revisions.
"""

from alembic import op

revision = "feed_0014"
down_revision = "feed_0013"
branch_labels = None
depends_on = None

# Writers of one user wait here for each other, so revisions are in the order of commits. The lock
# on the user comes first, as in deleting a user.
NEXT_REVISION = """
CREATE FUNCTION next_workout_revision(owner uuid) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO workout_clocks AS clock (user_id, revision)
    SELECT id, 1 FROM users WHERE id = owner FOR KEY SHARE
    ON CONFLICT (user_id) DO UPDATE SET revision = clock.revision + 1
    RETURNING revision
$$
"""
STAMP_WORKOUT = """
CREATE FUNCTION stamp_workout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- NULL if the user is being deleted; the foreign key rejects the row then.
    NEW.revision := coalesce(next_workout_revision(NEW.user_id), 0);
    NEW.updated := clock_timestamp();
    RETURN NEW;
END $$
"""
MOVE_SESSIONS = """
CREATE FUNCTION move_exercise_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE exercise_sessions AS session SET date = NEW.date
    FROM workout_exercises AS exercise
    WHERE exercise.user_id = NEW.user_id AND exercise.workout_id = NEW.id
        AND session.user_id = NEW.user_id AND session.name_key = exercise.name_key
        AND session.date = OLD.date AND session.workout_id = NEW.id;
    RETURN NULL;
END $$
"""
FORGET_WORKOUTS = """
CREATE FUNCTION forget_workouts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner uuid;
    next bigint;
BEGIN
    -- The rows of a deleted user are deleted by their own foreign keys.
    FOR owner IN
        SELECT id FROM users WHERE id IN (SELECT user_id FROM old_workouts) ORDER BY id
    LOOP
        next := next_workout_revision(owner);
        INSERT INTO workout_deletions (user_id, id, revision, deleted)
        SELECT user_id, id, next, clock_timestamp() FROM old_workouts WHERE user_id = owner
        ON CONFLICT (user_id, id) DO UPDATE
        SET revision = excluded.revision, deleted = excluded.deleted;
        DELETE FROM exercise_sessions AS session
        USING old_workouts AS gone, workout_exercises AS exercise
        WHERE gone.user_id = owner AND gone.exercise_count > 0
            AND exercise.user_id = owner AND exercise.workout_id = gone.id
            AND session.user_id = owner AND session.name_key = exercise.name_key
            AND session.date = gone.date AND session.workout_id = gone.id;
        DELETE FROM workout_sets AS one USING old_workouts AS gone
        WHERE gone.user_id = owner AND gone.exercise_count > 0
            AND one.user_id = owner AND one.workout_id = gone.id;
        DELETE FROM workout_exercises AS one USING old_workouts AS gone
        WHERE gone.user_id = owner AND gone.exercise_count > 0
            AND one.user_id = owner AND one.workout_id = gone.id;
    END LOOP;
    RETURN NULL;
END $$
"""
COUNT_SESSIONS = """
CREATE FUNCTION count_exercise_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO exercises AS exercise (user_id, name_key, workouts, sets)
        SELECT user_id, name_key, count(*), sum(sets)
        FROM new_sessions GROUP BY user_id, name_key ORDER BY user_id, name_key
        ON CONFLICT (user_id, name_key) DO UPDATE
        SET workouts = exercise.workouts + excluded.workouts, sets = exercise.sets + excluded.sets;
    ELSE
        UPDATE exercises AS exercise
        SET workouts = exercise.workouts - gone.workouts, sets = exercise.sets - gone.sets
        FROM (
            SELECT user_id, name_key, count(*) AS workouts, sum(sets) AS sets
            FROM old_sessions GROUP BY user_id, name_key
        ) AS gone
        WHERE exercise.user_id = gone.user_id AND exercise.name_key = gone.name_key;
        DELETE FROM exercises AS exercise USING old_sessions AS gone
        WHERE exercise.user_id = gone.user_id AND exercise.name_key = gone.name_key
            AND exercise.workouts = 0;
    END IF;
    RETURN NULL;
END $$
"""
TRIGGERS = (
    (
        "CREATE TRIGGER stamp_workout_before_insert BEFORE INSERT ON workouts FOR EACH ROW "
        "WHEN (NEW.revision = 0) EXECUTE FUNCTION stamp_workout()"
    ),
    (
        "CREATE TRIGGER stamp_workout_before_update BEFORE UPDATE ON workouts FOR EACH ROW "
        "WHEN (NEW.revision = OLD.revision) EXECUTE FUNCTION stamp_workout()"
    ),
    (
        "CREATE TRIGGER move_exercise_sessions AFTER UPDATE OF date ON workouts FOR EACH ROW "
        "WHEN (NEW.date <> OLD.date AND NEW.exercise_count > 0) "
        "EXECUTE FUNCTION move_exercise_sessions()"
    ),
    # Its name puts it before `count_workouts_after_delete`: writers lock the clock before the sums.
    (
        "CREATE TRIGGER clear_workouts AFTER DELETE ON workouts "
        "REFERENCING OLD TABLE AS old_workouts FOR EACH STATEMENT "
        "EXECUTE FUNCTION forget_workouts()"
    ),
    (
        "CREATE TRIGGER count_exercise_sessions_after_insert AFTER INSERT ON exercise_sessions "
        "REFERENCING NEW TABLE AS new_sessions FOR EACH STATEMENT "
        "EXECUTE FUNCTION count_exercise_sessions()"
    ),
    (
        "CREATE TRIGGER count_exercise_sessions_after_delete AFTER DELETE ON exercise_sessions "
        "REFERENCING OLD TABLE AS old_sessions FOR EACH STATEMENT "
        "EXECUTE FUNCTION count_exercise_sessions()"
    ),
)

# The function of the migration feed_0005, with `{columns}` beside count and minutes.
COUNT_WORKOUTS = """
CREATE OR REPLACE FUNCTION count_workouts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Writers of several days lock them in one order.
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
        SET count = day.count - gone.count, minutes = day.minutes - gone.minutes{subtracted}
        FROM (
            SELECT user_id, date, type_key, count(*) AS count, sum(duration) AS minutes{sums}
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
        INSERT INTO workout_days AS day (user_id, date, type_key, count, minutes{names})
        SELECT user_id, date, type_key, count(*), sum(duration){sums}
        FROM new_workouts GROUP BY user_id, date, type_key
        ORDER BY user_id, date, type_key
        ON CONFLICT (user_id, date, type_key) DO UPDATE
        SET count = day.count + excluded.count, minutes = day.minutes + excluded.minutes{added};
    END IF;
    RETURN NULL;
END $$
"""


def count_workouts(columns: tuple[str, ...]) -> str:
    """Return the function that maintains `workout_days` with sums of `columns`."""
    return COUNT_WORKOUTS.format(
        names="".join(f", {name}" for name in columns),
        sums="".join(f", sum({name}) AS {name}" for name in columns),
        added="".join(f", {name} = day.{name} + excluded.{name}" for name in columns),
        subtracted="".join(f", {name} = day.{name} - gone.{name}" for name in columns),
    )


def upgrade() -> None:
    """Create the functions and triggers."""
    for function in (NEXT_REVISION, STAMP_WORKOUT, MOVE_SESSIONS, FORGET_WORKOUTS, COUNT_SESSIONS):
        op.execute(function)
    op.execute(count_workouts(("set_count", "working_sets", "volume")))
    for trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """Drop them. The sums of each day are maintained as before."""
    for name in (
        "stamp_workout_before_insert",
        "stamp_workout_before_update",
        "move_exercise_sessions",
        "clear_workouts",
    ):
        op.execute(f"DROP TRIGGER {name} ON workouts")
    for event in ("insert", "delete"):
        op.execute(f"DROP TRIGGER count_exercise_sessions_after_{event} ON exercise_sessions")
    op.execute(count_workouts(()))
    for name in (
        "stamp_workout",
        "move_exercise_sessions",
        "forget_workouts",
        "count_exercise_sessions",
    ):
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DROP FUNCTION next_workout_revision(uuid)")
