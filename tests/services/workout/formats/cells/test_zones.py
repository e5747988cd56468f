"""Start times with offsets."""

import pytest

from server.services.workout.formats.model import UnreadableFile
from tests.services.workout.formats.reading import STRONG, read


def start(date: str, time_zone: str = "") -> tuple[str, str, list[str]]:
    """Return the date and the start time of a workout, and the beginnings of warnings."""
    file = read(f"{STRONG}{date},A,1h,Squat,1,100,5,0,0,,,\n", unit="kg", time_zone=time_zone)
    [found] = file.workouts
    warnings = [warning.split(".")[0] for warning in file.warnings]
    return found.workout.date.isoformat(), found.workout.start_time, warnings


class TestLocalTimes:
    def test_are_utc_with_warning_without_time_zone(self) -> None:
        assert start("2026-02-07 18:30:00") == (
            "2026-02-07",
            "2026-02-07T18:30:00Z",
            ["The times of the file have no time zone, so they were read as UTC"],
        )

    @pytest.mark.parametrize(
        ("date", "expected"),
        [("2026-02-07 18:30", "2026-02-07T18:30:00+01:00"), ("2026-07-07", "")],
    )
    def test_get_offset_of_time_zone(self, date: str, expected: str) -> None:
        assert start(date, "Europe/Berlin") == (date[:10], expected, [])

    @pytest.mark.parametrize(
        ("zone", "offset"),
        [
            *(("America/St_Johns", "-03:30"), ("Asia/Kathmandu", "+05:45"), ("UTC", "Z")),
            ("Europe/London", "Z"),
        ],
    )
    def test_offsets_have_minutes(self, zone: str, offset: str) -> None:
        assert start("2026-02-07 18:30", zone)[1] == f"2026-02-07T18:30:00{offset}"

    def test_offset_of_early_years_is_rounded(self) -> None:
        assert start("1880-02-07 18:30", "Europe/Berlin")[1] == "1880-02-07T18:30:00+00:53"


class TestTimesWithOffset:
    def test_keep_it(self) -> None:
        given = "2026-02-07T18:30:00-05:00"
        assert start(given, "Europe/Berlin") == start(given) == ("2026-02-07", given, [])

    def test_utc_is_converted_with_its_date(self) -> None:
        converted = "2026-02-08T00:30:00+01:00"
        assert start("2026-02-07T23:30:00Z", "Europe/Berlin") == ("2026-02-08", converted, [])

    def test_utc_is_kept_with_warning_without_time_zone(self) -> None:
        assert start("2026-02-07T23:30:00Z") == (
            "2026-02-07",
            "2026-02-07T23:30:00Z",
            ["The times of the file are UTC"],
        )

    @pytest.mark.parametrize("date", ["9999-12-31T23:30:00Z", "0001-01-01T00:30:00Z"])
    def test_ends_of_calendar_are_kept(self, date: str) -> None:
        zone = "Asia/Tokyo" if date.startswith("9") else "America/New_York"
        assert start(date, zone)[1] == date


class TestTimeZone:
    @pytest.mark.parametrize(
        "name", ["Mars/Olympus", "../etc/passwd", "/", "\0", "Europe", "x" * 999]
    )
    def test_is_rejected_if_unknown(self, name: str) -> None:
        with pytest.raises(
            UnreadableFile, match=r"is not known\. Give a name such as Europe/Berlin"
        ):
            start("2026-02-07 18:30", name)
