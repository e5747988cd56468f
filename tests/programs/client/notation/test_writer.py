"""Exercises as text."""

import pytest
from gymlocker.v2 import training_pb2
from hypothesis import example, given

from server.programs.client.notation.parser import parse_exercise
from server.programs.client.notation.writer import (
    format_duration,
    format_exercise,
    format_number,
    format_set,
)
from tests.programs.client.notation.exercises import exercises

Set = training_pb2.WorkoutSet


class TestFormatExercise:
    @given(exercises)
    @example(training_pb2.WorkoutExercise(name="a:b\\(#", notes="(", sets=[Set(notes=")\\\n")]))
    @example(training_pb2.WorkoutExercise(name="Stretching", sets=[Set(), Set()]))
    def test_parser_reads_the_same(self, exercise: training_pb2.WorkoutExercise) -> None:
        text = format_exercise(exercise)
        assert parse_exercise(text, "kg") == exercise
        assert text.isprintable()

    def test_shares_weight_between_repetitions(self) -> None:
        typed = "Bench Press: warmup 60kg x10, 100kg x5 x5 x4 @9, 90kg x8 (easy), bw x12"
        assert format_exercise(parse_exercise(typed, "kg")) == typed


class TestFormatSet:
    def test_stands_by_itself(self) -> None:
        assert format_set(Set(reps=12)) == "x12"
        assert format_set(Set()) == "bw"


class TestFormatNumber:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (100.0, "100"),
            (102.5, "102.5"),
            (45.359, "45.359"),
            (0.001, "0.001"),
            (-0.5, "-0.5"),
            (-0.0, "0"),
            (10_000_000.0, "10000000"),
        ],
    )
    def test_writes_number_as_typed(self, value: float, text: str) -> None:
        assert format_number(value) == text


class TestFormatDuration:
    def test_writes_largest_unit_first(self) -> None:
        texts = [format_duration(seconds) for seconds in (0, 59, 60, 90, 3599, 3600, 604_800)]
        assert texts == ["0s", "59s", "1:00", "1:30", "59:59", "1:00:00", "168:00:00"]
