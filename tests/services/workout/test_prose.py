"""Sets as prose, which earlier releases wrote into notes."""

import pytest

from server.services.workout.model import Exercise, Set
from server.services.workout.prose import without_prose

SQUAT = Exercise("Squat", "first block\nslow", sets=(Set(reps=5, notes="easy"),))
PRESS = Exercise("Press (Barbell)")


class TestWithoutProse:
    @pytest.mark.parametrize(
        "line",
        [
            "Squat",
            "Squat: 5 reps",
            "Squat: –",
            "Squat: 80 × 5, 82,5 kg × 5 @8 (warm-up), 1:05:00",
            "Squat: 45.359237000000004 × 5 · 0.45999999999999996 · 300 s",
            "Squat: 1e3 kg × 1 @9.5 RIR 2 (drop set) (not started)",
            "Squat: 80 kg × 5 (first block slow; easy)",
            "Squat (easy)",
            "Press (Barbell): 40 lbs × 10 (Paused)",
        ],
    )
    def test_removes_lines_of_imports(self, line: str) -> None:
        assert without_prose(f"before\n{line}\nafter", (SQUAT, PRESS)) == "before\nafter"

    @pytest.mark.parametrize(
        "line",
        [
            "Squat: felt heavy",
            "Squat: 80 kg × 5, felt heavy",
            "Squat: 80 kg × 5 (felt heavy; easy)",
            "Squats: 80 kg × 5",
            "squat: 80 kg × 5",
            "Row: 80 kg × 5",
            "Squat tomorrow",
            "",
        ],
    )
    def test_keeps_lines_of_the_person(self, line: str) -> None:
        assert without_prose(f"before\n{line}\nafter", (SQUAT, PRESS)) == f"before\n{line}\nafter"

    @pytest.mark.parametrize(
        "one",
        [
            *("80 kg × 5 @8 (drop set)", "1 @8", "1 × 1", "1 a × 1", "1 RIR 1", "1 (a)", "1 · 1"),
            "1 a · 1",
        ],
    )
    def test_takes_short_time_for_long_lines(self, one: str) -> None:
        # Would take years if the pattern could match in exponentially many ways.
        line = "Squat: " + ", ".join([one] * 500) + ") and more"
        assert without_prose(line, (SQUAT,)) == line
