"""The training log: tables of Gymlocker's own."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from server.libraries.database.schema.base import Timestamp, counter, metadata, owner, record_index

workouts = Table(
    "workouts",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("date", Date, nullable=False),
    Column("type", Text, nullable=False),
    # Types are compared by it.
    Column("type_key", Text, nullable=False),
    Column("duration", Integer, nullable=False),
    Column("notes", Text, nullable=False),
    Column("created", Timestamp, nullable=False),
    # NULL if it never changed since this was recorded.
    Column("updated", Timestamp),
    # RFC 3339 with the person's offset, or "".
    Column("start_time", Text, nullable=False, server_default=""),
    # The app whose file it was imported from, or "".
    Column("source", Text, nullable=False, server_default=""),
    # The revision of its last change, 0 before revisions were counted.
    Column("revision", BigInteger, nullable=False, server_default="0"),
    # Digests of the exercises, NULL if there are none, and of all contents when it was imported.
    Column("exercises_digest", LargeBinary),
    Column("imported_digest", LargeBinary),
    # The bytes of a response that its exercises take.
    counter("size"),
    counter("exercise_count"),
    counter("set_count"),
    counter("working_sets"),
    Column("volume", Numeric, nullable=False, server_default="0"),
    # A page of all workouts, or of one type's, is read from its first row on.
    Index(None, "user_id", "date", "created", "id"),
    Index(None, "user_id", "type_key", "date", "created", "id"),
    # Changes are read in the order of their commits.
    Index(None, "user_id", "revision", "id"),
)

# Daily sums of `workouts`, maintained by its trigger (see the migration feed_0014), so statistics
# of a year cost the same however many workouts there are.
workout_days = Table(
    "workout_days",
    metadata,
    owner(primary_key=True),
    Column("date", Date, primary_key=True),
    Column("type_key", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("minutes", BigInteger, nullable=False),
    counter("set_count"),
    counter("working_sets"),
    Column("volume", Numeric, nullable=False, server_default="0"),
)

# The newest revision of each user's workouts. Writers of one user lock this row, so revisions are
# in the order of commits. `pruned` is the newest revision of the deletions that were swept.
workout_clocks = Table(
    "workout_clocks",
    metadata,
    owner(primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("pruned", BigInteger, nullable=False, server_default="0"),
)

# Deleted workouts, recorded by a trigger, for devices that have them still.
workout_deletions = Table(
    "workout_deletions",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("deleted", Timestamp, nullable=False, index=True),
    Index(None, "user_id", "revision", "id"),
)

# The exercises of workouts. A trigger deletes them, and their sets, with their workout.
workout_exercises = Table(
    "workout_exercises",
    metadata,
    owner(primary_key=True),
    Column("workout_id", Uuid, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("name", Text, nullable=False),
    # Names are compared by it.
    Column("name_key", Text, nullable=False),
    Column("notes", Text),
    Column("superset", SmallInteger),
)

# NULL means not given.
workout_sets = Table(
    "workout_sets",
    metadata,
    owner(primary_key=True),
    Column("workout_id", Uuid, primary_key=True),
    Column("exercise", SmallInteger, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("kind", Text),
    Column("reps", Integer),
    Column("weight", Numeric(8, 3)),
    Column("weight_unit", Text),
    Column("distance", Numeric(11, 3)),
    Column("distance_unit", Text),
    Column("duration", Integer),
    Column("rpe", Numeric(3, 1)),
    Column("completed", Boolean),
    Column("notes", Text),
)

# The exercises of each user with their number of workouts and working sets, maintained by the
# trigger of `exercise_sessions`.
exercises = Table(
    "exercises",
    metadata,
    owner(primary_key=True),
    Column("name_key", Text, primary_key=True),
    Column("workouts", Integer, nullable=False),
    Column("sets", Integer, nullable=False),
)

# Figures of the working sets of an exercise in a workout: weights in kilograms, distances in
# metres. `top_…` is the heaviest set, `best_…` the one with the highest estimated one-repetition
# maximum, which is stored times 30, so that it is exact. Indexes lead to the records.
exercise_sessions = Table(
    "exercise_sessions",
    metadata,
    owner(primary_key=True),
    Column("name_key", Text, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("workout_id", Uuid, primary_key=True),
    Column("created", Timestamp, nullable=False),
    Column("name", Text, nullable=False),
    Column("sets", Integer, nullable=False),
    Column("reps", BigInteger, nullable=False),
    Column("volume", Numeric, nullable=False),
    Column("distance", Numeric),
    Column("duration", BigInteger),
    Column("top_exercise", SmallInteger, nullable=False),
    Column("top_set", SmallInteger, nullable=False),
    Column("top_weight", Numeric),
    Column("top_reps", Integer),
    Column("best_exercise", SmallInteger),
    Column("best_set", SmallInteger),
    Column("best_estimate", Numeric),
    Column("max_reps", Integer),
    Column("max_distance", Numeric),
    Column("max_duration", Integer),
    record_index("top_weight", "top_weight IS NOT NULL", text("top_reps DESC NULLS LAST")),
    record_index("best_estimate", "best_estimate IS NOT NULL"),
    record_index("max_reps", "max_reps IS NOT NULL"),
    record_index("volume", "volume > 0"),
    record_index("max_distance", "max_distance IS NOT NULL"),
    record_index("max_duration", "max_duration IS NOT NULL"),
)
