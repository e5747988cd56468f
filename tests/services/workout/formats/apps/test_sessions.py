"""Grouping of rows into workouts and exercises, and the limits of both."""

from server.services.workout.formats.model import ReadFile
from server.services.workout.model import Exercise, Set, Workout
from tests.services.workout.formats.reading import FITNOTES, HEVY, STRONG, read, workouts

HEADER = "Date,Workout Name,Exercise Name,Set Order,Reps,Notes,Workout Notes\n"


def read_rows(*rows: str) -> ReadFile:
    return read(HEADER + "\n".join(rows))


def one(*rows: str) -> Workout:
    [workout] = workouts(HEADER + "\n".join(rows))
    return workout


def row(day: int, name: str, reps: str = "5", exercise: str = "Squat", notes: str = "") -> str:
    return f"2021-03-{day:02} 18:00:00,{name},{exercise},1,{reps},{notes},"


def left(file: ReadFile) -> list[str]:
    return [f"{found.workout.date.day}{found.workout.type}" for found in file.workouts]


class TestNames:
    def test_missing_name_becomes_default_type(self) -> None:
        assert one(row(1, "  ")).type == "Workout"

    def test_name_of_100_characters_is_kept(self) -> None:
        workout = one(row(1, "語" * 100))
        assert (workout.type, workout.notes) == ("語" * 100, "")

    def test_longer_name_is_cut_and_starts_notes(self) -> None:
        name = "a, " * 33 + "bc"
        workout = one(row(1, f'"{name}"') + "felt good")
        assert (workout.type, workout.notes) == (name[:100], f"{name}\nfelt good")

    def test_longer_name_of_exercise_is_cut_and_starts_its_notes(self) -> None:
        workout = one(row(1, "A", exercise="x" * 101, notes="slow"))
        assert workout.exercises == (
            Exercise("x" * 100, f"{'x' * 101}\nslow", sets=(Set(reps=5),)),
        )

    def test_missing_name_of_exercise_becomes_default(self) -> None:
        assert one(row(1, "A", exercise="")).exercises[0].name == "Exercise"

    def test_row_without_exercise_adds_none(self) -> None:
        assert one(row(1, "A", reps="0", exercise="")).exercises == ()


class TestBadRows:
    def test_cost_themselves(self) -> None:
        bad = ["2021,A,Squat,1,5,,", "2021-03-02", row(2, "A", reps="x"), row(3, "A", reps="x")]
        file = read_rows(row(1, "A"), bad[0], row(2, "A"), *bad[1:], row(4, "A"))
        assert left(file) == ["1A", "2A", "4A"]
        assert [found.line for found in file.problems] == [3, 5, 6, 7]

    def test_unclosed_quote_costs_the_rest(self) -> None:
        file = read_rows(row(1, "A"), '2021-03-02 18:00:00,A,"Squat,2,5,,', row(3, "A"))
        assert left(file) == ["1A"]
        assert [found.line for found in file.problems] == [3]

    def test_first_row_does_not_lose_its_workout(self) -> None:
        [found] = read_rows(row(1, "A", reps="x"), row(1, "A", reps="5")).workouts
        assert (found.line, found.workout.exercises[0].sets) == (3, (Set(reps=5),))

    def test_nul_in_unused_column_is_harmless(self) -> None:
        text = HEADER.replace("Notes", "N", 1) + row(1, "A").replace(",,", ",\0,")
        assert read(text).problems == []


class TestOrder:
    def test_is_that_of_starts(self) -> None:
        file = read_rows(row(3, "A"), row(1, "B"), row(2, "C"), row(1, "D"))
        assert left(file) == ["1B", "1D", "2C", "3A"]

    def test_scattered_rows_are_one_workout(self) -> None:
        file = read_rows(row(1, "A"), row(1, "B"), row(1, " A ", reps="4"))
        first, second = file.workouts
        assert first.workout.exercises == (Exercise("Squat", sets=(Set(reps=5), Set(reps=4))),)
        assert second.workout.type == "B"

    def test_exercise_after_another_one_is_new(self) -> None:
        names = ["Squat", "Row", "Squat"]
        workout = one(*(row(1, "A", exercise=name, notes=f"{name}!") for name in names))
        assert [(found.name, found.notes) for found in workout.exercises] == [
            ("Squat", "Squat!"),
            ("Row", "Row!"),
            ("Squat", "Squat!"),
        ]


class TestManySets:
    def test_continue_in_another_exercise(self) -> None:
        workout = one(*[row(1, "A", reps=str(reps)) for reps in range(1, 251)])
        assert [len(found.sets) for found in workout.exercises] == [100, 100, 50]
        assert {found.name for found in workout.exercises} == {"Squat"}
        sets = [found.reps for exercise in workout.exercises for found in exercise.sets]
        assert sets == list(range(1, 251))

    def test_hundred_are_one_exercise(self) -> None:
        assert [len(found.sets) for found in one(*[row(1, "A")] * 100).exercises] == [100]

    def test_more_than_100_exercises_are_problems(self) -> None:
        file = read_rows(*[row(1, "A", exercise=f"E{number}") for number in range(102)])
        assert len(file.workouts[0].workout.exercises) == 100
        assert [found.line for found in file.problems] == [102, 103]
        expected = "exercise: the workout has more than 100 exercises."
        assert {found.message for found in file.problems} == {expected}

    def test_workout_over_1_mib_is_cut(self) -> None:
        notes = "語" * 500
        rows = [f"2026-04-29,E{n // 90},Legs,60,kgs,{n % 9},,,,{notes}{n}\n" for n in range(900)]
        rows = [one.replace(f"{notes}{n}", f"{notes[:495]}{n}") for n, one in enumerate(rows)]
        file = read(FITNOTES + "".join(rows))
        assert {found.message for found in file.problems} == {
            "notes: the workout is larger than 1 MiB."
        }
        [found] = file.workouts
        kept = sum(len(exercise.sets) for exercise in found.workout.exercises)
        assert kept + len(file.problems) == 900
        assert 600 < kept < 700


class TestNotes:
    def test_of_exercise_are_not_repeated(self) -> None:
        workout = one(*[row(1, "A", notes=notes) for notes in ("slow", "slow", "fast", "slow")])
        assert workout.exercises[0].notes == "slow\nfast"

    def test_of_set_move_to_exercise_if_too_long(self) -> None:
        rows = [f"2026-04-29,Squat,Legs,60,kgs,8,,,,{'x' * size}\n" for size in (500, 501)]
        file = read(FITNOTES + "".join(rows))
        [exercise] = file.workouts[0].workout.exercises
        assert [len(found.notes) for found in exercise.sets] == [500, 0]
        assert exercise.notes == "x" * 501
        assert file.warnings == [
            "Notes of sets over 500 characters were moved to the notes of the exercise (line 3)."
        ]

    def test_of_exercise_move_to_workout_if_too_long(self) -> None:
        notes = ["a" * 1_999, "b", "c"]
        file = read_rows(*[row(1, "A", notes=one) for one in notes])
        workout = file.workouts[0].workout
        assert workout.exercises[0].notes == "a" * 1_999
        assert workout.notes == "Squat: b\nSquat: c"
        assert file.warnings == [
            (
                "Notes of exercises over 2,000 characters were moved to the notes of the workout "
                "(line 2)."
            )
        ]

    def test_of_workout_are_cut_if_too_long(self) -> None:
        rows = [row(1, "A") + letter * size for letter, size in (("a", 6_000), ("b", 4_000))]
        file = read_rows(*rows)
        assert file.workouts[0].workout.notes == "a" * 6_000 + "\n" + "b" * 3_998 + "…"
        assert file.warnings == ["Notes of workouts were cut after 10,000 characters (line 2)."]

    def test_of_workout_with_10_000_characters_are_kept(self) -> None:
        assert one(row(1, "A") + "x" * 10_000).notes == "x" * 10_000


class TestIds:
    def test_of_equal_workouts_do_not_depend_on_contents(self) -> None:
        def ids(first: str, second: str) -> list[str]:
            start = '"A","15 Jan 2024, 18:30"'
            rows = [f'{start},"{end}","","Dip",,"",0,"",,5,,,\n' for end in (first, second)]
            return [str(workout.id) for workout in workouts(HEVY + "".join(rows))]

        both = ids("15 Jan 2024, 19:30", "15 Jan 2024, 20:30")
        assert len(set(both)) == 2
        assert ids("15 Jan 2024, 19:45", "15 Jan 2024, 20:30") == both

    def test_first_workout_keeps_id_of_earlier_releases(self) -> None:
        alone = workouts(f"{STRONG}2021-03-01 18:00:00,A,1h,Squat,1,100,5,0,0,,,\n")
        assert str(alone[0].id) == "412ea6ec-4413-5a19-8d92-fc7a46037f11"
