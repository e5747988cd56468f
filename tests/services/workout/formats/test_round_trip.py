"""Our own exports: read back, they hold what was stored, and exported again, the same bytes."""

import asyncio
import csv
import datetime as dt
import random
from collections.abc import AsyncIterator
from io import BytesIO, StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.services.workout.exporter import chunks
from server.services.workout.formats.model import ReadFile, ReadOptions
from server.services.workout.formats.own import csv_reader, json_reader
from server.services.workout.formats.table import read_table
from server.services.workout.model import StoredWorkout
from tests.services.workout.formats.workouts import LOGS, stored

FORMATS = ("csv", "json")


def export(log: list[StoredWorkout], format_: str) -> bytes:
    async def batches() -> AsyncIterator[list[StoredWorkout]]:
        yield log

    async def whole() -> bytes:
        return b"".join([chunk async for chunk in chunks(batches(), format_)])

    return asyncio.run(whole())


def read(data: bytes, format_: str) -> ReadFile:
    options = ReadOptions()
    if format_ == "json":
        return json_reader.read(BytesIO(data), options)
    return csv_reader.read(read_table(BytesIO(data)), options)


def restored(file: ReadFile) -> list[StoredWorkout]:
    """Return what an importer stores."""
    unknown = dt.datetime.min.replace(tzinfo=dt.UTC)
    return [
        stored(found.workout, found.source, found.created or unknown) for found in file.workouts
    ]


class TestRoundTrip:
    @pytest.mark.parametrize("format_", FORMATS)
    @settings(max_examples=100, deadline=None)
    @given(log=LOGS)
    def test_restores_every_workout_and_every_byte(
        self, format_: str, log: list[StoredWorkout]
    ) -> None:
        data = export(log, format_)
        file = read(data, format_)
        assert restored(file) == log
        assert export(restored(file), format_) == data
        assert (file.problems, file.warnings, file.columns_not_read) == ([], [], [])
        assert not any(found.duration_assumed for found in file.workouts)

    @settings(max_examples=50, deadline=None)
    @given(log=LOGS, order=st.randoms(use_true_random=False))
    def test_restores_workouts_from_shuffled_rows(
        self, log: list[StoredWorkout], order: random.Random
    ) -> None:
        """A spreadsheet may have sorted the rows; their numbers restore the order."""
        header, *rows = csv.reader(StringIO(export(log, "csv").decode(), newline=""))
        order.shuffle(rows)
        shuffled = StringIO(newline="")
        csv.writer(shuffled).writerows([header, *rows])
        file = read(shuffled.getvalue().encode(), "csv")
        in_order = sorted(log, key=lambda one: one.workout.id)
        assert sorted(restored(file), key=lambda one: one.workout.id) == in_order
