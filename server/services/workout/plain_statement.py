"""The statement that stores a workout without exercises.

The statement ADD is for any number of sets. Without any, this one takes half of its time.
"""

from sqlalchemy import text

from server.libraries.database.statement import Statement
from server.services.workout.model import MAX_WORKOUTS

# Like ADD, it adds nothing if the id is in use or there is no room.
ADD_PLAIN = Statement(
    text("""
INSERT INTO workouts (
    user_id, id, date, type, type_key, duration, notes, start_time, created, updated, revision
)
SELECT :owner_id, CAST(:workout_id AS uuid), CAST(:new_date AS date), CAST(:new_type AS text),
    CAST(:new_type_key AS text), CAST(:new_duration AS integer), CAST(:new_notes AS text),
    CAST(:new_start_time AS text), clock_timestamp(), clock_timestamp(), clock.revision
-- NULL if the user was deleted; the foreign key rejects the row then.
FROM (SELECT coalesce(next_workout_revision(:owner_id), 0) AS revision) AS clock
WHERE (
    SELECT coalesce(sum(day.count), 0) < :max_workouts
    FROM workout_days AS day WHERE day.user_id = :owner_id
)
ON CONFLICT (user_id, id) DO NOTHING
RETURNING created, updated
""").bindparams(max_workouts=MAX_WORKOUTS)
)
