"""Guarding cells that a spreadsheet would evaluate, and reversing it."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.services.workout.formats.cells.guard import guarded, unguarded
from tests.services.workout.formats.reading import read

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=", "'=1", "''@x"]


class TestGuard:
    @pytest.mark.parametrize("text", FORMULAS)
    def test_guards_formula_reversibly(self, text: str) -> None:
        assert guarded(text) == f"'{text}"
        assert unguarded(guarded(text)) == text

    @pytest.mark.parametrize("text", ["", "Run", "'", "'tis", " =1", "1-2", "''"])
    def test_keeps_other_text(self, text: str) -> None:
        assert guarded(text) == unguarded(text) == text

    @given(st.text(st.sampled_from("'=+-@\t\r\n a"), max_size=6))
    def test_every_text_survives_round_trip(self, text: str) -> None:
        assert unguarded(guarded(text)) == text
        assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))

    @pytest.mark.parametrize("text", FORMULAS)
    def test_reads_unguarded_file_unchanged(self, text: str) -> None:
        if text.startswith("'"):
            return
        file = StringIO(newline="")
        csv.writer(file).writerows(
            [["date", "type", "duration", "notes"], ["2026-02-07", "R", 1, text]]
        )
        [found] = read(file.getvalue()).workouts
        assert found.workout.notes == text
