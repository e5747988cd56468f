"""SQL of exercises, their progress and their records.

Everything is read from `exercise_sessions`, which has an index for each kind of record, so the cost
does not grow with the log. Weights are stored in kilograms; they are converted, and figures are
rounded half up, at the very end.
"""

from sqlalchemy import text

from server.libraries.database.statement import Statement

MAX_POINTS = 1_000
MAX_EXERCISES_WITH_RECORDS = 1_000

_SET = """one.kind, one.reps AS set_reps, one.weight::float8 AS weight, one.weight_unit,
    one.distance::float8 AS set_distance, one.distance_unit, one.duration AS set_duration,
    one.rpe::float8 AS rpe, one.completed, one.notes"""
# The newest session of an exercise tells how its name is spelt.
_LATEST = """CROSS JOIN LATERAL (
    SELECT session.name, session.date FROM exercise_sessions AS session
    WHERE session.user_id = :owner_id AND session.name_key = exercise.name_key
    ORDER BY session.date DESC, session.created DESC, session.workout_id DESC LIMIT 1
) AS latest"""

LIST = Statement(
    text(f"""
SELECT exercise.name_key, exercise.workouts, exercise.sets, latest.name, latest.date,
    round(best.best_estimate / 30 / CAST(:kilograms AS numeric), 2)::float8 AS estimate,
    one.user_id IS NOT NULL AS has_best, {_SET}
FROM (
    SELECT name_key, workouts, sets FROM exercises
    WHERE user_id = :owner_id AND name_key > CAST(:after AS text)
        AND position(CAST(:part AS text) IN name_key) > 0
    ORDER BY name_key LIMIT :limit
) AS exercise
{_LATEST}
LEFT JOIN LATERAL (
    SELECT best_estimate, workout_id, best_exercise, best_set FROM exercise_sessions AS session
    WHERE session.user_id = :owner_id AND session.name_key = exercise.name_key
        AND best_estimate IS NOT NULL
    ORDER BY best_estimate DESC, session.date, session.created, session.workout_id LIMIT 1
) AS best ON true
LEFT JOIN workout_sets AS one ON one.user_id = :owner_id AND one.workout_id = best.workout_id
    AND one.exercise = best.best_exercise AND one.position = best.best_set
ORDER BY exercise.name_key
""")  # noqa: S608 - its parts are constants
)

PROGRESS = Statement(
    text(f"""
SELECT session.date, session.workout_id, session.sets, session.reps, session.duration,
    round(session.best_estimate / 30 / CAST(:kilograms AS numeric), 2)::float8 AS estimate,
    round(session.volume / CAST(:kilograms AS numeric), 2)::float8 AS volume,
    round(session.distance, 2)::float8 AS distance, {_SET}
FROM (
    SELECT * FROM exercise_sessions
    WHERE user_id = :owner_id AND name_key = CAST(:name_key AS text)
        AND date BETWEEN :start_date AND :end_date
    ORDER BY date DESC, created DESC, workout_id DESC LIMIT {MAX_POINTS}
) AS session
JOIN workout_sets AS one ON one.user_id = :owner_id AND one.workout_id = session.workout_id
    AND one.exercise = session.top_exercise AND one.position = session.top_set
ORDER BY session.date, session.created, session.workout_id
""")  # noqa: S608 - its parts are constants
)


def _best(number: int, figure: str, reps: str, value: str = "", ties: str = "") -> str:
    """Return the query of the session with the highest `figure` of an exercise."""
    condition = "volume > 0" if figure == "volume" else f"{figure} IS NOT NULL"
    return f"""(
        SELECT {number} AS kind, {value or figure} AS value, {reps} AS reps, date, workout_id,
            best_exercise, best_set
        FROM exercise_sessions AS session
        WHERE session.user_id = :owner_id AND session.name_key = exercise.name_key AND {condition}
        ORDER BY {figure} DESC, {ties}date, created, workout_id LIMIT 1
    )"""  # noqa: S608 - its parts are constants


# Kinds of records, and the units of their values; None is the unit asked for.
KINDS: tuple[tuple[str, str | None], ...] = (
    ("max_weight", None),
    ("estimated_one_rep_max", None),
    ("max_reps", "reps"),
    ("max_session_volume", None),
    ("max_distance", "m"),
    ("max_duration", "s"),
)
_NONE = "CAST(NULL AS integer)"
_BEST = "\n    UNION ALL ".join(
    (
        _best(0, "top_weight", "top_reps", ties="top_reps DESC NULLS LAST, "),
        _best(1, "best_estimate", _NONE, value="best_estimate / 30"),
        _best(2, "max_reps", "max_reps"),
        _best(3, "volume", _NONE),
        _best(4, "max_distance", _NONE),
        _best(5, "max_duration", _NONE),
    )
)


def _records(condition: str) -> Statement:
    return Statement(
        text(f"""
SELECT latest.name, best.kind, best.date, best.workout_id,
    CASE WHEN best.kind = 1 THEN one.reps ELSE best.reps END AS reps,
    round(
        best.value / CASE WHEN best.kind IN (0, 1, 3) THEN CAST(:kilograms AS numeric) ELSE 1 END, 2
    )::float8 AS value
FROM (
    SELECT name_key FROM exercises WHERE user_id = :owner_id {condition}
    ORDER BY workouts DESC, name_key LIMIT {MAX_EXERCISES_WITH_RECORDS}
) AS exercise
{_LATEST}
CROSS JOIN LATERAL (
    {_BEST}
) AS best
LEFT JOIN workout_sets AS one ON best.kind = 1 AND one.user_id = :owner_id
    AND one.workout_id = best.workout_id AND one.exercise = best.best_exercise
    AND one.position = best.best_set
ORDER BY exercise.name_key, best.kind
""")  # noqa: S608 - its parts are constants
    )


RECORDS = _records("")
RECORDS_OF = _records("AND name_key = CAST(:name_key AS text)")
