"""The cost of files that are made to take long, or much memory: small ones must be cheap.

A pattern that tries too much would keep the interpreter, and with it all calls of the worker.
"""

import json
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import pytest

from server.services.workout.formats import size
from server.services.workout.formats.model import UnreadableFile
from tests.services.workout.formats.liftlog.backups import read_sessions, weighted
from tests.services.workout.formats.reading import FITNOTES, HEVY, read

# Twenty times what such a file takes, and less than a tenth of what patterns would take that try
# every beginning with every end.
SECONDS = 3.0
LONG = 30_000
STRONGLIFTS = "Date (yyyy/mm/dd),Workout,Exercise,Sets×Time,Set 1 (Reps)\n"
UNKNOWN = ",".join(f"column {number}" for number in range(12)) + "\n"


@pytest.mark.parametrize(
    "contents",
    [
        FITNOTES.replace("Comment", "(" * LONG) + "2024-01-15,Squat,Legs,80,kg,5,,,,\n",
        FITNOTES.replace("Comment", "weight" + " (" * LONG) + "2024-01-15,Squat,Legs,,,,,,,\n",
        UNKNOWN + "1" * LONG + ",Push,1h,Squat,1,2,3,4,5,,,\n",
        UNKNOWN + "1 " * LONG + ",Push,1h,Squat,1,2,3,4,5,,,\n",
        STRONGLIFTS + "2024/01/15,1,Squat,999x" + "1s " * LONG + ",\n",
        FITNOTES + "1 " * LONG + "x,Squat,Legs,80,kg,5,,,,\n",
        FITNOTES + "2024-01-15,Squat,Legs,80,kg,5,,," + "1s " * LONG + ",\n",
    ],
    ids=["title", "unit", "digits", "numbers", "times", "date", "duration"],
)
def test_long_cell_is_read_at_once(contents: str) -> None:
    started = time.process_time()
    with suppress(UnreadableFile):
        read(contents)
    assert time.process_time() - started < SECONDS


def test_words_of_many_dates_are_compared_with_languages_once() -> None:
    words = (f"{number:b}".replace("0", "a").replace("1", "b") for number in range(20_000))
    started = time.process_time()
    read(FITNOTES + "".join(f"1 {word} 2024,Squat,Legs,80,kg,5,,,,\n" for word in words))
    assert time.process_time() - started < 3 * SECONDS


def test_ids_of_many_workouts_of_one_start_are_counted() -> None:
    rows = (
        f'"Push","15 Jan 2024, 18:30","15 Jan 2024, 19:30","{number}","Squat",,,0,,80,5,,,\n'
        for number in range(5_000)
    )
    started = time.process_time()
    found = read(HEVY + "".join(rows)).workouts
    assert time.process_time() - started < SECONDS
    assert len({one.workout.id for one in found}) == 5_000


def test_times_of_a_set_are_limited() -> None:
    rows = (f"2024/01/15,{number},Squat,{'/' * LONG},\n" for number in range(50))
    started = time.process_time()
    file = read(STRONGLIFTS + "".join(rows))
    assert time.process_time() - started < SECONDS
    assert len(file.problems) == 50


def test_problems_quote_little_of_a_title() -> None:
    header = STRONGLIFTS.replace("yyyy/mm/dd", "x" * LONG)
    file = read(header + "soon,1,Squat,,5\n" * 100)
    assert len(file.problems) == 100
    assert all(len(one.message) < 250 for one in file.problems)


def test_columns_not_read_are_limited() -> None:
    titles = [f"column {number} {'x' * 1_000}" for number in range(500)]
    header = f"{FITNOTES.rstrip()},{','.join(titles)}\n"
    row = "2024-01-15,Squat,Legs,80,kg,5,,,," + ",x" * len(titles)
    assert read(header + row).columns_not_read == [title[:100] for title in titles[:100]]


class TestMoreSetsThanLogHolds:
    """A file of some kilobytes could take gigabytes of memory."""

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(size, "MAX_STORED_SETS", 9_999)

    @pytest.mark.parametrize(("rows", "is_refused"), [(10, False), (11, True)])
    def test_in_rows_of_equal_times(self, rows: int, *, is_refused: bool) -> None:
        numbers = range(1, rows + 1)
        text = "".join(f"2024/01/15,{number},Squat,999x{number}s,\n" for number in numbers)
        with refused() if is_refused else nullcontext():
            read(STRONGLIFTS + text)

    def test_in_json(self) -> None:
        exercises = [{"name": "Squat", "sets": [{}] * 100}] * 50
        workout = {"date": "2024-01-15", "type": "Legs", "exercises": exercises}
        read(json.dumps([workout]))
        with refused():
            read(json.dumps([workout] * 2))

    def test_in_backup(self, tmp_path: Path) -> None:
        one = {"set": {"repsCompleted": 5}}
        session = {"date": "2024-01-15", "recordedExercises": [weighted(*[one] * 100)] * 50}
        read_sessions(tmp_path, session)
        with refused():
            read_sessions(tmp_path, session, session)


def refused() -> AbstractContextManager[object]:
    return pytest.raises(UnreadableFile, match="more than 9,999 sets")
