"""Text that lifters type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.programs.client.notation.errors import NotationError
from server.programs.client.notation.parser import parse_exercise
from server.programs.client.notation.writer import format_exercise


def understood(sets: str, unit: str = "kg") -> str:
    """Return sets as they are printed back."""
    return format_exercise(parse_exercise(f"A: {sets}", unit)).removeprefix("A:").strip()


def error_of(text: str) -> tuple[str, str]:
    """Return the place that the error points at, and the message."""
    with pytest.raises(NotationError) as raised:
        parse_exercise(text, "kg")
    line, pointer, message = str(raised.value).splitlines()
    start = pointer.index("^")
    return line[start : len(pointer)], message


class TestParseExercise:
    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("100kg x5 x5 x4, 90kg x8", "100kg x5 x5 x4, 90kg x8"),
            ("100x5", "100kg x5"),
            ("100x5 x5, 90 x8", "100kg x5 x5, 90kg x8"),
            ("225lb x5", "225lb x5"),
            ("100 KG × 5 * 4", "100kg x5 x4"),
            ("100kgx5", "100kg x5"),
            ("3x5 @ 100kg", "100kg x5 x5 x5"),
            ("3x5 @100", "100kg x5 x5 x5"),
            ("3x5@100kg @8", "100kg x5 @8 x5 @8 x5 @8"),
            ("5x5 100kg", "100kg x5 x5 x5 x5 x5"),
            ("5x5 100, 3x3 @8 110", "100kg x5 x5 x5 x5 x5, 110kg x3 @8 x3 @8 x3 @8"),
            ("100kg 3x5 x4", "100kg x5 x5 x5 x4"),
            ("bw 3x10", "x10 x10 x10"),
            ("x12", "x12"),
            ("5 reps, x6 reps", "x5 x6"),
            ("bw+20kg x5, -20kg x8, bw x9", "20kg x5, -20kg x8, bw x9"),
            ("5km 25:00", "5km 25:00"),
            ("25min 5 km", "5km 25:00"),
            ("60s", "1:00"),
            ("1:30, 1:02:30, 90:00, 1.5h", "1:30, 1:02:30, 1:30:00, 1:30:00"),
            ("3x60s", "1:00, 1:00, 1:00"),
            ("2x10:30", "10:30, 10:30"),
            ("2x1.5km, 2x1,5km", "1.5km, 1.5km, 1.5km, 1.5km"),
            ("x5 @8 x5 rpe 8.5 x4 @RPE 9", "x5 @8 x5 @8.5 x4 @9"),
            ("warmup 60kg x10, w 80kg x5 x3", "warmup 60kg x10, warmup 80kg x5 x3"),
            ("100kg x8, drop 80kg x6, d60 x5", "100kg x8, drop 80kg x6, drop 60kg x5"),
            ("100kg x8 x7 failure", "100kg x8, failure 100kg x7"),
            ("failure 100kg x8, f 90kg x7", "failure 100kg x8, failure 90kg x7"),
            ("x5 skipped, x4 done", "x5 skipped x4 done"),
            ("x5 (felt (very) easy), x4 (hard)", r"x5 (felt \(very\) easy) x4 (hard)"),
            ("superset 1 (slow) x5", "superset 1 (slow) x5"),
            ("", ""),
        ],
    )
    def test_reads_what_lifters_type(self, typed: str, meant: str) -> None:
        assert understood(typed) == meant

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("102.5kg x5", "102.5kg x5"),
            ("102,5kg x5", "102.5kg x5"),
            ("102,5x5", "102.5kg x5"),
            ("102,25 x5; 90 x5", "102.25kg x5, 90kg x5"),
            ("100x5,90x8", "100kg x5, 90kg x8"),
            ("100kg x5 @8,5", "100kg x5 @8.5"),
            ("5x5 @ 102,5kg", "102.5kg x5 x5 x5 x5 x5"),
            ("5km,3km", "5km, 3km"),
            ("1:30,1:20", "1:30, 1:20"),
        ],
    )
    def test_accepts_decimal_comma_and_separator(self, typed: str, meant: str) -> None:
        assert understood(typed) == meant

    def test_applies_unit_to_bare_weights_only(self) -> None:
        assert (
            understood("225x5, 100kg x5, 3x5 @ 185", "lb") == "225lb x5, 100kg x5, 185lb x5 x5 x5"
        )

    def test_ends_name_at_first_colon(self) -> None:
        exercise = parse_exercise(r" Squat\: high bar (Barbell) : 1:30", "kg")
        assert exercise.name == "Squat: high bar (Barbell)"
        assert [each.duration_seconds for each in exercise.sets] == [90]

    @pytest.mark.parametrize(
        ("text", "place", "words"),
        [
            ("Bench", "", "Write the name of the exercise, a colon and its sets"),
            (": x5", ":", "Write the name of the exercise before the colon."),
            ("A: 3x10", "3x10", "can mean 3 sets or 3 kg: write bw 3x10"),
            ("A: 100kg x5, x4", "x4", "write the weight again, or bw"),
            ("A: 1,500m", "1,500", "can mean 1500 or 1.500"),
            ("A: 100kg x5 @8,90kg x8", "8,90", "can be a decimal point or separate two sets"),
            ("A: 100kg x5,5,4", "5,4", "needs a unit or an x"),
            ("A: x5,4,3,2", "4,3,2", "separate sets by a comma and a space"),
            ("A: 100", "100", "write 100kg for a weight, x100 for repetitions"),
            ("A: 100kgg x5", "kgg", "kgg is not a unit"),
            ("A: 60kg 70kg x5", "70kg", "This is a second weight: put a comma"),
            ("A: 60s 70s", "70s", "This is a second duration"),
            ("A: 60s x3", "x3", "write 3x60s for sets"),
            ("A: x5 w x4", "w", "Put a comma before w"),
            ("A: w d x4", "d", "This is a second kind of set"),
            ("A: x5 hard", "hard", "notes stand in (parentheses)"),
            ("A: x5 (hard", "(hard", "The note does not end"),
            ("A: x5 ?", "?", "This has no meaning here"),
            ("A: kg", "kg", "Write a number before kg."),
            ("A: x5 @", "@", "Write a number after @."),
            ("A: x5 @8.3", "@8.3", "An RPE is 1 to 10 in halves"),
            ("A: x5 @0.5", "@0.5", "An RPE is 1 to 10 in halves"),
            ("A: 1.2345kg", "1.2345", "more than 3 decimals"),
            ("A: 10001kg x5", "10001kg", "A weight is at most 10,000"),
            ("A: x10001", "x10001", "There can be 0 to 10,000 repetitions"),
            ("A: 100x5 90kg", "90kg", "This is a second weight: put a comma"),
            ("A: 100x5 90", "90", "This is a second weight: put a comma"),
            ("A: 101x60s", "101", "There can be 1 to 100 sets"),
            ("A: 10000001m", "10000001m", "A distance is 0 to 10,000,000"),
            ("A: 169h", "169h", "There can be 0 to 604,800 seconds"),
            ("A: 1:75", "1:75", "is not a duration"),
            (f"A: {'9' * 21}kg x5", "9" * 21, "This number is too long"),
            (f"A: {'9' * 21}:00", f"{'9' * 21}:00", "This number is too long"),
            ("A: superset 11", "11", "Write the number of the superset"),
        ],
    )
    def test_error_points_at_place(self, text: str, place: str, words: str) -> None:
        found, message = error_of(text)
        assert found == place
        assert words in message

    def test_error_is_aligned_below_wide_characters(self) -> None:
        with pytest.raises(NotationError) as raised:
            parse_exercise("日本\x1b: ?", "kg")
        assert str(raised.value).splitlines()[:2] == ["日本 : ?", " " * 7 + "^"]

    def test_error_shows_surroundings_of_long_text(self) -> None:
        with pytest.raises(NotationError) as raised:
            parse_exercise(f"A: {'x5 ' * 500}? {'x5 ' * 500}", "kg")
        line, pointer, _ = str(raised.value).splitlines()
        assert len(line) <= 100
        assert line[pointer.index("^")] == "?"

    def test_keeps_escapes_that_are_no_character(self) -> None:
        exercise = parse_exercise(r"A\u{d800}\u{110000}\u{41}\: (B)\n:", "kg")
        assert exercise.name == r"A\u{d800}\u{110000}A: (B)"

    @given(st.text("x×@0123456789.,:;()kgbwm s\\"))
    def test_raises_no_other_error(self, sets: str) -> None:
        try:
            exercise = parse_exercise(f"A:{sets}", "kg")
        except NotationError:
            return
        assert parse_exercise(format_exercise(exercise), "kg") == exercise
