"""Numbers that no app writes: they are problems of their rows, and never errors."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.services.workout.formats.liftlog.session import SessionReader
from server.services.workout.formats.model import UnreadableFile
from tests.services.workout.formats.invariants import check_exercise, check_file
from tests.services.workout.formats.liftlog.backups import weighted
from tests.services.workout.formats.reading import read

# Every column that has numbers is between braces, and so is every unit.
ROWS = {
    "FitNotes": (
        "Date,Exercise,Category,Weight,Weight Unit,Reps,Distance,Distance Unit,Time,RIR\n"
        "2018-01-14,Run,Cardio,{},{},{},{},{},{},{}\n"
    ),
    "FitNotes with names": (
        "Name,StartTime,EndTime,BodyWeight,Exercise,Reps,Weight,Time,Distance,Distance Unit\n"
        "Push,2025-02-23T10:13:53Z,,{},Bench,{},{},{},{},{}\n"
    ),
    "FitNotes in two units": (
        "Date,Exercise,Category,Weight (kg),Weight (lbs),Reps\n2018-01-14,Squat,Legs,{},{},{}\n"
    ),
    "Strong": (
        "Date;Workout Name;Workout Duration;Exercise Name;Set Order;Weight;Weight Unit;Reps;RPE;"
        "Distance;Distance Unit;Seconds\n"
        "2021-03-01 18:02:11;Push;{};Run;{};{};{};{};{};{};{};{}\n"
    ),
    "Strong with durations of sets": (
        "Workout #;Date;Workout Name;Exercise Name;Set Order;Duration;Duration Unit;Weight (kg);"
        "Distance (meters)\n{};2021-03-01 18:02:11;Push;Run;{};{};{};{};{}\n"
    ),
    "Hevy": (
        "title,start_time,exercise_title,superset_id,set_index,weight_kg,reps,distance_ft,"
        "duration_seconds,rpe\nPush,2024-01-15 18:30:00,Run,{},{},{},{},{},{},{}\n"
    ),
    "StrongLifts": (
        "Date,Workout,Exercise,Sets×Time,Duration (hours),Set 1 (Reps),Set 1 (LB),Set 2 (Reps)\n"
        "2024/01/15,{},Squat,{},{},{},{},{}\n"
    ),
    "LiftLog": (
        "SessionId,Timestamp,Exercise,Weight,WeightUnit,Reps\n1,2024-10-16T10:45:06,Bench,{},{},{}\n"
    ),
    "Gymlocker": (
        "date,type,duration,exercise,superset,exercise_number,set_number,reps,weight,weight_unit,"
        "distance,distance_unit,set_duration_seconds,rpe\n"
        "2024-01-15,Run,{},Run,{},{},{},{},{},{},{},{},{},{}\n"
    ),
    "JSON": (
        '[{{"date": "2024-01-15", "type": "Run", "duration": "{}", "exercises": [{{"name": "Run", '
        '"superset": "{}", "sets": [{{"reps": "{}", "weight": {{"value": "{}", "unit": "{}"}}, '
        '"distance": {{"value": "{}", "unit": "{}"}}, "durationSeconds": "{}", "rpe": "{}"}}]}}]}}]'
    ),
}
UNITS = ["", "kg", "lbs", "mi", "ft", "in", "cm", "yd", "s", "min", "h"]
# Digits of several scripts, signs, exponents and everything that looks like a number.
NUMBERS = st.one_of(
    st.sampled_from(UNITS),
    st.sampled_from(["NaN", "Infinity", "-inf", "-0", "1e-999", "9" * 5_000, "0x1F", "1_0", "²"]),
    st.from_regex(
        r"[-+−]?[0-9٣７]{1,45}([.,٫:][0-9٣７]{1,30})?([eE][-+]?[0-9]{1,4})?", fullmatch=True
    ),
    st.from_regex(r"[0-9]{1,3}([x×/ ]|e[0-9]{1,3})?[0-9]{0,12} ?(h|m|min|s)?", fullmatch=True),
)


@pytest.mark.parametrize("layout", ROWS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_are_read_in_every_layout(layout: str, data: st.DataObject) -> None:
    row = ROWS[layout]
    cells = [data.draw(NUMBERS) for _ in range(row.count("{}"))]
    try:
        file = read(row.format(*cells))
    except UnreadableFile:
        return
    check_file(file)


MEASURES = st.fixed_dictionaries({"value": NUMBERS, "unit": st.sampled_from(UNITS)})
CARDIO = st.fixed_dictionaries({"weight": MEASURES, "distance": MEASURES, "duration": NUMBERS})
WEIGHTED = st.fixed_dictionaries(
    {"weight": MEASURES, "set": st.fixed_dictionaries({"repsCompleted": NUMBERS})}
)


@settings(max_examples=200, deadline=None)
@given(st.lists(WEIGHTED, max_size=3), st.lists(CARDIO, max_size=3))
def test_are_read_in_a_session_of_liftlog(lifted: list[object], sets: list[object]) -> None:
    cardio = {"type": "RecordedCardioExercise", "blueprint": {"name": "Run"}, "sets": sets}
    for exercise in SessionReader(Counter()).exercises([weighted(*lifted), cardio]):
        check_exercise(exercise)
