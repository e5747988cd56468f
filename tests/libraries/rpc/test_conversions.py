"""Conversions between datetimes and protobuf timestamps."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from server.libraries.rpc.conversions import set_time

LAST = datetime.max  # noqa: DTZ901 - as asyncpg returns it


@given(st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=2)))))
def test_sets_times_as_protobuf_does(time: datetime) -> None:
    expected, found = Timestamp(), Timestamp()
    try:
        expected.FromDatetime(time)
    except ValueError:
        # Within hours of the ends of the range, where no timestamp exists.
        return
    set_time(found, time)
    assert found == expected


@pytest.mark.parametrize(
    ("time", "seconds", "nanos"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0, 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), -1, 999_999_000),
        (datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=1))), 1_795_219_200, 0),
        (LAST, 253_402_300_799, 999_999_000),
    ],
)
def test_fraction_counts_forwards(time: datetime, seconds: int, nanos: int) -> None:
    timestamp = Timestamp()
    set_time(timestamp, time)
    assert (timestamp.seconds, timestamp.nanos) == (seconds, nanos)
