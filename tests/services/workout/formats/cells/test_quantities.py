"""Weights and distances with the units of files."""

import pytest

from server.services.workout.formats.model import UnreadableFile
from server.services.workout.model import Set
from tests.services.workout.formats.reading import (
    FITNOTES,
    HEVY,
    STRONG,
    kg,
    lb,
    one_set,
    problem,
    read,
)

ROW = "2024-01-15 18:00:00,A,Squat,1"


def strong(columns: str, cells: str, unit: str = "") -> Set:
    header = f"Date,Workout Name,Exercise Name,Set Order,{columns}\n"
    return one_set(f"{header}{ROW},{cells}\n", unit=unit)


class TestWeights:
    @pytest.mark.parametrize(
        ("columns", "cells", "expected"),
        [
            ("Weight,Weight Unit,Reps", "225,lbs,5", lb(225, 5)),
            ("Weight,Weight Unit,Reps", "100,KG,5", kg(100, 5)),
            ("Weight,Weight Unit,Reps", "225,Pounds,5", lb(225, 5)),
            ("Weight (lbs),Reps", "225,5", lb(225, 5)),
            ("weight_kg,Reps", "100,5", kg(100, 5)),
            ("lbs,Reps", "225,5", lb(225, 5)),
            ("kg,Reps", "100,5", kg(100, 5)),
            ("Weight (kg),Weight (lbs),Reps", "100,,5", kg(100, 5)),
            ("Weight (kg),Weight (lbs),Reps", "0,225,5", lb(225, 5)),
            ("Weight (kg),Weight (lbs),Reps", "102.06,225,5", kg(102.06, 5)),
            ("Weight (kg),Weight Unit,Reps", "100,kg,5", kg(100, 5)),
        ],
    )
    def test_have_unit_of_file(self, columns: str, cells: str, expected: Set) -> None:
        assert strong(columns, cells) == expected

    def test_unit_of_file_wins_over_option(self) -> None:
        assert strong("Weight (lbs),Reps", "225,5", unit="kg") == lb(225, 5)

    @pytest.mark.parametrize(("unit", "expected"), [("lb", lb(225, 5)), ("kg", kg(225, 5))])
    def test_option_decides_without_unit(self, unit: str, expected: Set) -> None:
        assert strong("Weight,Reps", "225,5", unit=unit) == expected

    def test_are_kg_with_warning_without_unit(self) -> None:
        file = read(f"{STRONG}2024-01-15 18:00:00,A,1h,Squat,1,100,5,0,0,,,\n")
        assert file.workouts[0].workout.exercises[0].sets == (kg(100, 5),)
        [warning] = file.warnings
        assert warning == (
            "The file does not name the unit of its weights, so they were read as kg. If they are "
            "pounds, import it again with unit=lb."
        )

    def test_no_weight_needs_no_warning(self) -> None:
        file = read(f"{STRONG}2024-01-15 18:00:00,A,1h,Dip,1,0,5,0,0,,,\n")
        assert file.warnings == []

    @pytest.mark.parametrize(
        ("columns", "cells", "in_kg", "in_lb"),
        [
            ("Weight (kg),Weight Unit,Reps", "100,lb,5", kg(100, 5), lb(100, 5)),
            ("Weight (kg),Weight (lbs),Reps", "100,100,5", kg(100, 5), lb(100, 5)),
            ("Weight (kg),Weight (lbs),Reps", "100,225,5", kg(100, 5), lb(225, 5)),
        ],
    )
    def test_contradiction_asks_for_unit(
        self, columns: str, cells: str, in_kg: Set, in_lb: Set
    ) -> None:
        with pytest.raises(UnreadableFile, match="again with unit=kg or unit=lb"):
            strong(columns, cells)
        assert strong(columns, cells, unit="kg") == in_kg
        assert strong(columns, cells, unit="lb") == in_lb

    def test_contradiction_of_zeros_is_none(self) -> None:
        assert strong("Weight (kg),Weight Unit,Reps", "0,lb,5") == Set(reps=5)

    def test_reports_unknown_unit(self) -> None:
        header = "Date,Workout Name,Exercise Name,Set Order,Weight,Weight Unit,Reps\n"
        message = "Weight Unit: 'stone' is not a unit that is known, such as kg, lb, km or mi."
        assert problem(f"{header}{ROW},10,stone,5\n").message == message

    @pytest.mark.parametrize("weight", ["10000.001", "-10000.001", "1e9", "1e999"])
    def test_reports_value_out_of_range(self, weight: str) -> None:
        found = problem(f"{STRONG}2024-01-15 18:00:00,A,1h,Squat,1,{weight},5,0,0,,,\n")
        assert found.message == f"Weight: {weight!r} is not from -10,000 to 10,000."

    def test_have_no_negative_zero(self) -> None:
        found = one_set(HEVY + "A,2024-01-15 18:30:00,,,Squat,,,0,normal,-0,5,,,\n")
        assert str(found.weight) == "0.0"

    def test_may_be_negative_for_assistance(self) -> None:
        assert strong("Weight (kg),Reps", "-20.0,5") == kg(-20, 5)


class TestDistances:
    @pytest.mark.parametrize(
        ("columns", "cells", "expected"),
        [
            ("Distance,Distance Unit", "2.4,mi", (2.4, "mi")),
            ("Distance,Distance Unit", "2.4,mi.", (2.4, "mi")),
            ("Distance,Distance Unit", "400,meters", (400, "m")),
            ("Distance,Distance Unit", "100,yd", (100, "yd")),
            ("Distance,Distance Unit", "10,feet", (3.048, "m")),
            ("Distance,Distance Unit", "1,ft", (0.305, "m")),
            ("Distance (meters)", "20", (20, "m")),
            ("distance_miles", "3", (3, "mi")),
            ("km", "5", (5, "km")),
            ("mi.", "5", (5, "mi")),
            ("Weight (kg),Distance", ",5", (5, "km")),
            ("Weight (lbs),Distance", ",5", (5, "mi")),
            ("Weight,Weight Unit,Distance", ",lbs,5", (5, "mi")),
        ],
    )
    def test_have_unit(self, columns: str, cells: str, expected: tuple[float, str]) -> None:
        one = strong(columns, cells)
        assert (one.distance, one.distance_unit) == expected

    def test_unit_of_app_comes_with_warning(self) -> None:
        file = read(f"{STRONG}2024-01-15 18:00:00,A,1h,Run,1,0,0,5,0,,,\n", unit="lb")
        [found] = file.workouts
        one = found.workout.exercises[0].sets[0]
        assert (one.distance, one.distance_unit) == (5, "mi")
        assert file.warnings == [
            "The file does not name the unit of its distances; they were read as miles."
        ]

    @pytest.mark.parametrize("distance", ["-1", "10000001"])
    def test_reports_value_out_of_range(self, distance: str) -> None:
        found = problem(f"{STRONG}2024-01-15 18:00:00,A,1h,Run,1,0,0,{distance},0,,,\n")
        assert found.message == f"Distance: {distance!r} is not from 0 to 10,000,000."

    @pytest.mark.parametrize("unit", ["ft", "in", "cm", "km"])
    @pytest.mark.parametrize("distance", ["1e30", "-1e30", "1e999", "9" * 30, "3937008000"])
    def test_reports_huge_value_in_any_unit(self, distance: str, unit: str) -> None:
        found = problem(f"{FITNOTES}2018-01-14,Run,Cardio,,,,{distance},{unit},0:30:00,\n")
        assert found.message == f"Distance: {distance!r} is not from 0 to 10,000,000."

    def test_unknown_unit_in_title_is_not_read(self) -> None:
        header = HEVY.replace("distance_km", "distance_laps")
        row = '"A","15 Jan 2024, 18:30","","","Swim",,"",0,"normal",,,40,600,\n'
        file = read(header + row)
        assert file.columns_not_read == ["distance_laps"]
        assert file.workouts[0].workout.exercises[0].sets == (Set(duration=600),)
