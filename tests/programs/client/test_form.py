"""A workout as text to edit."""

import pytest
from gymlocker.v2 import workout_pb2
from hypothesis import example, given
from hypothesis import strategies as st

from server.errors import StartError
from server.programs.client.form import read_form, write_form
from tests.programs.client.notation.exercises import exercises, texts

Workout = workout_pb2.Workout
offsets = st.sampled_from(["Z", "z", "+01:00", "-09:30"])
times = st.builds(
    "{}T{}{}{}".format,
    st.dates().map(str),
    st.times().map(lambda time: f"{time:%H:%M:%S}"),
    st.sampled_from(["", ".5", ".123456789"]),
    offsets,
)
workouts = st.builds(
    Workout,
    date=st.dates().map(str),
    type=texts.map(str.strip).filter(bool),
    duration=st.integers(1, 10_080),
    notes=st.just("") | texts,
    start_time=st.none() | times,
    exercises=st.lists(exercises, max_size=3),
)
PUSH = Workout(
    date="2026-02-07",
    type="Push",
    duration=65,
    notes="felt good\n\nreally",
    start_time="2026-02-07T18:30:00+01:00",
)
FORM = """\
Date: 2026-02-07
Type: Push
Minutes: 65
Start: 18:30:00+01:00
Notes:
  felt good

  really
Exercises:
"""


class TestWriteForm:
    def test_has_a_line_a_field(self) -> None:
        assert write_form(PUSH).startswith(FORM)
        assert all(line.startswith("#") for line in write_form(PUSH)[len(FORM) :].split("\n")[1:-1])


class TestReadForm:
    @given(workouts)
    @example(Workout(date="2026-02-07", type="#", duration=1, notes="# no comment\nExercises:\r\n"))
    def test_reads_what_was_written(self, workout: Workout) -> None:
        before = Workout(exercises=workout.exercises, notes="other")
        assert read_form(write_form(workout), before, "kg") == workout

    def test_reads_what_people_type(self) -> None:
        form = """
# A comment
Minutes:90
Start: 7:05Z
Date: 2026-02-09
Notes: on the same line
Exercises:

Squat: 5x5 225
  Run: 5km 25:00
"""
        after = read_form(form, PUSH, "lb")
        # The type is missing, so it stays.
        assert (after.date, after.type, after.duration) == ("2026-02-09", "Push", 90)
        assert after.start_time == "2026-02-09T07:05:00Z"
        assert after.notes == "on the same line"
        assert [each.name for each in after.exercises] == ["Squat", "Run"]
        assert after.exercises[0].sets[0].weight.unit == "lb"

    def test_clears_what_is_empty(self) -> None:
        after = read_form("Start:\nNotes:\nExercises:\n", PUSH, "kg")
        assert after == Workout(date="2026-02-07", type="Push", duration=65)

    def test_keeps_sections_that_are_missing(self) -> None:
        assert read_form("Type: Push\n", PUSH, "kg") == PUSH
        assert read_form("Notes:\n  a\n\n# help\n", PUSH, "kg").notes == "a"

    @pytest.mark.parametrize(
        ("form", "message"),
        [
            ("Date: 2026-02-30", "Line 1: '2026-02-30' is not a date"),
            ("\nDate:", "Line 2: Date is empty"),
            ("Type:", "Line 1: Type is empty"),
            ("Minutes: an hour", "Line 1: Minutes are a whole number"),
            ("Minutes: 10081", "Line 1: Minutes are a whole number from 1 to 10,080"),
            ("Type: a\nStart: 25:00\nDate: 2026-02-07", "Line 2: '25:00' is not a time of day"),
            ("felt good", "Line 1: Begin the line with one of: Date, Type,"),
            ("Exercises: Squat: x5", "Line 1: Write each exercise on a line of its own"),
            ("Exercises:\n\n  Squat: ?", "Line 3:\nSquat: ?\n       ^\nThis has no meaning"),
        ],
    )
    def test_error_names_line(self, form: str, message: str) -> None:
        with pytest.raises(StartError) as raised:
            read_form(form, PUSH, "kg")
        assert str(raised.value).startswith(message)
