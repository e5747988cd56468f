"""Dates and times in the formats and languages of phones."""

import datetime as dt

import pytest
from babel.dates import format_date, format_time

from server.services.workout.formats.cells.dates import Dates, Moment
from server.services.workout.formats.cells.languages import LOCALES
from server.services.workout.formats.model import UnreadableFile

EVENING = dt.datetime(2025, 1, 3, 18, 5)  # noqa: DTZ001


def read(*texts: str) -> list[Moment | None]:
    dates = Dates(texts)
    return [dates[text] for text in texts]


def walls(*texts: str) -> list[str]:
    return [moment.wall.isoformat(" ") if moment else "" for moment in read(*texts)]


class TestFormats:
    @pytest.mark.parametrize(
        "text",
        [
            *("2025-01-03 18:05", "2025-01-03T18:05:00", "2025/01/03 18:05", "2025.01.03, 18:05"),
            *("2025-1-3 18:05:00.123", "3 Jan 2025, 18:05", "3 January 2025 18:05"),
            *("Jan 3, 2025, 6:05 PM", "Jan 3, 2025 6:05\u202fPM", "Jan 3, 2025 at 6:05 p.m."),
            *("03.01.2025, 18:05", "3. 1. 2025 18:05", "Fri, 3 Jan 2025 18:05", "3.1.2025 18.05"),
            *("3 janv. 2025, 18:05", "3 janv. 2025 à 18 h 05", "3 de jan. de 2025 18:05"),
            *("3 ene 2025, 6:05 p. m.", "3 ene 2025, 6:05 p.\xa0m.", "3 gen 2025, 18:05"),
            *(
                "2025年1月3日 18:05",
                "2025年1月3日 下午6:05",
                "2025年1月3日 18時05分",
                "2025/1/3 午後6:05",
            ),
            *("2025. 1. 3. 오후 6:05", "2025년 1월 3일 오후 6:05", "3 янв. 2025 г., 18:05"),
            *(
                "3 Oca 2025 18:05",
                "18:05 3 thg 1, 2025",
                "2025. jan. 3. 18:05",
                "3 ม.ค. 2025 18:05",
            ),
            *("3 בינו׳ 2025, 18:05", "٣ يناير ٢٠٢٥، ٦:٠٥ م", "३ जन॰ २०२५, ६:०५ pm"),
            *("3 sty 2025, 18:05", "3. tammik. 2025 klo 18.05", "3. jan. 2025 18.05"),
        ],
    )
    def test_reads_evening(self, text: str) -> None:
        assert read(text) == [Moment(EVENING)]

    @pytest.mark.parametrize("text", ["2025-01-03", "2025/1/3", "3 Jan 2025", "Jan 3, 2025"])
    def test_reads_date_alone(self, text: str) -> None:
        assert read(text) == [Moment(EVENING.replace(hour=0, minute=0), has_time=False)]

    @pytest.mark.parametrize(
        ("text", "hours"),
        [("Z", 0), ("+01:00", 1), ("+0100", 1), ("-03:30", -3.5), (" +00:00", 0), ("z", 0)],
    )
    def test_reads_offset(self, text: str, hours: float) -> None:
        assert read(f"2025-01-03T18:05:00{text}") == [Moment(EVENING, dt.timedelta(hours=hours))]

    @pytest.mark.parametrize(
        ("text", "hour"),
        [
            *(("12:05 AM", 0), ("12:05 PM", 12), ("1:05 am", 1), ("11:05 p.m.", 23)),
            *(("6:05", 6), ("18:05", 18), ("00:05", 0)),
        ],
    )
    def test_reads_half_of_day(self, text: str, hour: int) -> None:
        assert walls(f"Jan 3, 2025, {text}") == [f"2025-01-03 {hour:02}:05:00"]

    def test_reads_parts_of_the_day(self) -> None:
        texts = [f"2025年1月3日 {time}" for time in ("早上7:00", "晚上8:00", "凌晨3:00")]
        assert walls(*texts) == [f"2025-01-03 {hour:02}:00:00" for hour in (7, 20, 3)]

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "",
                "yesterday",
                "2025",
                "2023-02-29",
                "2025-13-01",
                "0000-01-01",
                "2025-01-03 25:00",
            ),
            *("2025-01-03 13:00 PM", "2025-01-03 0:30 AM", "2025-01-03 1:60", "15 Xyz 2024"),
            *("2025-01-03T10:00:00+25:00", "1 J 2024", "3 Jan Feb 2025", "Jan 2025", "99:99"),
            *(
                "2025-01-03-04",
                "31 Feb 2025",
                "Jan 3, 2025, 6:30 XX",
                "1" * 50,
                "3 Jan 2025 18:05 9",
            ),
            *(f"3 Jan {'9' * 30}", f"Jan {'9' * 30} 2025", f"{'9' * 30}/01/03", "3 Jan 202"),
        ],
    )
    def test_returns_none_for_other_text(self, text: str) -> None:
        assert read(text) == [None]


class TestLanguages:
    @pytest.mark.parametrize("locale", LOCALES)
    def test_reads_what_babel_writes(self, locale: str) -> None:
        days = [dt.date(2025, month, 20 + month % 2) for month in range(1, 13)]
        for length in ("medium", "long"):
            texts = [f"{format_date(day, length, locale=locale)} 18:05" for day in days]
            moments = read(*texts)
            assert [moment and moment.wall.date() for moment in moments] == days, texts

    @pytest.mark.parametrize("locale", LOCALES)
    def test_reads_times_that_babel_writes(self, locale: str) -> None:
        days = [dt.date(2025, month, 20) for month in range(1, 13)]
        times = [dt.time(hour, 5) for hour in (0, 5, 8, 11, 12, 13, 15, 18, 19, 21, 22, 23)]
        texts = [
            f"{format_date(day, locale=locale)} {format_time(time, 'short', locale=locale)}"
            for day, time in zip(days, times, strict=True)
        ]
        assert [moment and moment.wall.time() for moment in read(*texts)] == times, texts

    def test_other_months_of_the_file_decide(self) -> None:
        assert walls("3 lis 2025", "3 gru 2025") == ["2025-11-03 00:00:00", "2025-12-03 00:00:00"]
        assert walls("3 lis 2025", "3 led 2025")[0] == "2025-11-03 00:00:00"
        assert walls("3 lis 2025", "3 stu 2025")[0] == "2025-10-03 00:00:00"

    def test_asks_for_language_if_month_is_ambiguous(self) -> None:
        with pytest.raises(UnreadableFile, match="'lis' means different months in Croatian and"):
            read("3 lis 2025, 18:00")

    def test_one_wrong_date_does_not_change_the_language(self) -> None:
        texts = ["3 févr. 2025", "3 foo 2025", "3 août 2025"]
        assert walls(*texts) == ["2025-02-03 00:00:00", "", "2025-08-03 00:00:00"]


class TestDayAndMonth:
    @pytest.mark.parametrize(
        ("other", "month"),
        [("13/04/2024", 4), ("04/13/2024", 3), ("13-04-2024", 4)],
    )
    def test_part_over_12_decides(self, other: str, month: int) -> None:
        assert walls("03/04/2024", other)[0] == f"2024-{month:02}-{7 - month:02} 00:00:00"

    def test_order_of_rows_decides(self) -> None:
        day_first = ["01/02/2024", "05/02/2024", "02/03/2024", "01/04/2024"]
        assert walls(*day_first)[0] == "2024-02-01 00:00:00"
        month_first = ["02/01/2024", "02/05/2024", "03/02/2024", "04/01/2024"]
        assert walls(*month_first)[0] == "2024-02-01 00:00:00"
        assert walls(*reversed(month_first))[-1] == "2024-02-01 00:00:00"

    def test_american_half_of_day_decides(self) -> None:
        assert walls("3/4/24, 6:05 PM") == ["2024-03-04 18:05:00"]

    def test_language_decides(self) -> None:
        assert walls("٣/٤/٢٠٢٥، ٦:٠٥ م") == ["2025-04-03 18:05:00"]

    def test_points_are_day_first(self) -> None:
        assert walls("05.06.2026, 07:30") == ["2026-06-05 07:30:00"]

    def test_equal_parts_need_no_decision(self) -> None:
        assert walls("05/05/2024") == ["2024-05-05 00:00:00"]

    def test_one_wrong_date_does_not_change_the_order(self) -> None:
        texts = ["13/04/2024", "14/04/2024", "04/29/2024", "03/04/2024"]
        assert walls(*texts)[2:] == ["", "2024-04-03 00:00:00"]

    @pytest.mark.parametrize("texts", [["03/04/2024"], ["03/04/2024", "13/04/2024", "04/13/2024"]])
    def test_asks_if_file_leaves_it_open(self, texts: list[str]) -> None:
        with pytest.raises(UnreadableFile, match=r"whether the day or the month .* '03/04/2024'"):
            read(*texts)
