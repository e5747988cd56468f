"""Strong's exports in their several layouts."""

import datetime as dt

import pytest

from server.services.workout.formats.model import Format
from server.services.workout.formats.read import read_file
from tests.services.workout.formats.strong import PLAIN, notes_of, one, read, values

NUMBERED = (
    "Workout #;Date;Workout Name;Duration (sec);Exercise Name;Set Order;Weight (kg);Reps;RPE;"
    "Distance (meters);Seconds;Notes;Workout Notes\n"
)


UNITS = (
    "Date,Workout Name,Exercise Name,Set Order,Weight,Weight Unit,Reps,RPE,Distance,"
    "Distance Unit,Seconds,Notes,Workout Notes,Workout Duration\n"
)


class TestLayouts:
    def test_reads_layout_without_units(self) -> None:
        push = '2021-03-01 18:02:11,"Push Day",1h 5m'
        text = PLAIN + (
            f'{push},"Bench Press (Barbell)",W,40.0,10,0,0.0,"","",\n'
            f'{push},"Bench Press (Barbell)",1,80.0,5,0,0.0,,"Felt, good",\n'
            f'{push},"Bench Press (Barbell)",Rest Timer,0,0,0,180.0,,,\n'
            f'{push},"Bench Press (Barbell)",2,82.5,4,0,0.0,"Paused",,8.5\n'
            f'{push},"Pull Up",F,0.0,12,0,0.0,,,\n'
            f'{push},"Plank",1,0,0,0,60.0,,,\n'
            '2021-03-03 07:30:00,"Run",45m,"Running",1,0,0,3.72,624.0,,,\n'
        )
        file = read(text)
        assert [found.line for found in file.workouts] == [2, 8]
        assert [values(found) for found in file.workouts] == [
            (
                "2021-03-01",
                "Push Day",
                65,
                (
                    "Felt, good\n"
                    "Bench Press (Barbell): 40 × 10 (warm-up), 80 × 5, 82.5 × 4 @8.5 (Paused)\n"
                    "Pull Up: 12 reps (failure)\n"
                    "Plank: 60 s"
                ),
                False,
            ),
            ("2021-03-03", "Run", 45, "Running: 3.72 · 624 s", False),
        ]

    @pytest.mark.parametrize("delimiter", [",", ";"])
    def test_reads_layout_with_unit_columns(self, delimiter: str) -> None:
        text = UNITS + (
            "2024-08-24 17:30:00,Legs,Leg Press,1,265,lbs,8,,,,0,,,1h\n"
            "2024-08-24 17:30:00,Legs,Leg Press,D,200,lbs,12,9,,,0,,,1h\n"
            "2024-08-24 17:30:00,Legs,Running,1,,,,,5.0,km,1800,,,1h\n"
        )
        assert one(text.replace(",", delimiter)) == (
            "2024-08-24",
            "Legs",
            60,
            "Leg Press: 265 lbs × 8, 200 lbs × 12 @9 (drop set)\nRunning: 5 km · 1800 s",
            False,
        )

    def test_reads_layout_with_decimal_commas(self) -> None:
        upper = '"1";"2025-01-08 12:03:21";"Oben; schwer";"3690"'
        text = NUMBERED + (
            f'{upper};"Bankdrücken";"1";"62,5";"8";"8,5";"";"0";"";""\n'
            f'{upper};"Bankdrücken";"2";"60,0";"8";"";"";"0";"";""\n'
            f'{upper};"Bankdrücken";"Rest Timer";"";"";"";"";"90";"";""\n'
            f'{upper};"Schlitten";"1";"80";"";"";"20";"";"";""\n'
            f'{upper};"Schlitten";"Note";"";"";"";"";"";"Langsam";""\n'
        )
        assert one(text) == (
            "2025-01-08",
            "Oben; schwer",
            62,
            "Bankdrücken: 62,5 kg × 8 @8,5, 60 kg × 8\nSchlitten: 80 kg · 20 meters (Langsam)",
            False,
        )

    def test_reads_unicode_with_bom_and_crlf(self) -> None:
        text = PLAIN + "2021-03-01 18:02:11,脚の日 🏋️,45m,سكوات,1,100,5,0,0,,気持ちいい,\n"
        data = text.replace("\n", "\r\n").encode("utf-8-sig")
        [found] = read_file(data, format=Format.STRONG, default_duration=60).workouts
        assert values(found)[1:4] == ("脚の日 🏋️", 45, "気持ちいい\nسكوات: 100 × 5")

    def test_collects_scattered_rows(self) -> None:
        rows = [
            "2021-03-01 18:00:00,A,1h,Squat,1,100,5,0,0,,,",
            "2021-03-01 18:00:00,B,1h,Squat,1,90,5,0,0,,,",
            "2021-03-01 18:00:00, A ,1h,Squat,2,105,4,0,0,,,",
        ]
        file = read(PLAIN + "\n".join(rows))
        assert [found.workout.notes for found in file.workouts] == [
            "Squat: 100 × 5, 105 × 4",
            "Squat: 90 × 5",
        ]


class TestDurations:
    @pytest.mark.parametrize(
        ("length", "minutes", "assumed"),
        [
            ("1h 5m", 65, False),
            ("1h", 60, False),
            ("45m", 45, False),
            ("50s", 1, False),
            ("29s", 1, False),
            ("1h 2m 30s", 63, False),
            ("1h 2m 29s", 62, False),
            ("1:05:00", 65, False),
            ("3900", 65, False),
            ("3900.0", 65, False),
            ("145h 27m", 8727, False),
            ("168h", 10_080, False),
            ("168h 29s", 10_080, False),
            ("", 33, True),
            ("0", 33, True),
            ("0m", 33, True),
        ],
    )
    def test_reads_durations(self, length: str, minutes: int, assumed: bool) -> None:
        text = PLAIN + f"2021-03-01 18:02:11,A,{length},Squat,1,100,5,0,0,,,\n"
        [found] = read_file(text.encode(), format=None, default_duration=33).workouts
        assert (found.workout.duration, found.duration_assumed) == (minutes, assumed)

    def test_first_duration_that_is_not_zero_counts(self) -> None:
        lengths = ["0", "1h", "2h", "0"]
        rows = [f"2021-03-01 18:02:11,A,{length},Squat,1,100,5,0,0,,,\n" for length in lengths]
        assert one(PLAIN + "".join(rows))[2] == 60

    def test_assumes_duration_without_column(self) -> None:
        text = "Date,Workout Name,Exercise Name,Set Order\n2021-03-01,A,Squat,1\n"
        assert one(text) == ("2021-03-01", "A", 60, "Squat: –", True)


class TestDates:
    @pytest.mark.parametrize(
        ("date", "day"),
        [
            ("2021-03-01 18:02:11", "2021-03-01"),
            ("2021-03-01 18:02", "2021-03-01"),
            ("2021-03-01T23:59:59", "2021-03-01"),
            ("2021-03-01T23:59:59+02:00", "2021-03-01"),
            ("2021-03-01 6:02:11\u202fPM", "2021-03-01"),
            ("0001-01-01 00:00:00", "0001-01-01"),
            ("9999-12-31 23:59:59", "9999-12-31"),
            ("2024-02-29", "2024-02-29"),
        ],
    )
    def test_reads_date_formats(self, date: str, day: str) -> None:
        assert one(PLAIN + f"{date},A,1h,Squat,1,100,5,0,0,,,\n")[0] == day

    def test_returns_plain_date(self) -> None:
        [found] = read(PLAIN + "2021-03-01 18:00:00,A,1h,Squat,1,100,5,0,0,,,").workouts
        assert type(found.workout.date) is dt.date


class TestSets:
    @pytest.mark.parametrize(
        ("row", "text"),
        [
            ("Dip,1,-20.0,5,0,0,,,", "Dip: -20 × 5"),
            ("Dip,1,0,1,0,0,,,", "Dip: 1 rep"),
            ("Dip,1,100,0,0,0,,,", "Dip: 100 × 0"),
            ("Dip,1,20,0,0,60,,,", "Dip: 20 · 60 s"),
            ("Dip,1,20,0,0,1:05:09,,,", "Dip: 20 · 1:05:09"),
            ("Dip,1,0,0,0,0,,,", "Dip: 0 reps"),
            ("Dip,1,82.50,5.0,0,0,,,0", "Dip: 82.50 × 5"),
            ('Dip,1,"82,5",5,0,0,,,', "Dip: 82,5 × 5"),
            ('Dip,1,"1,000",5,0,0,,,', "Dip: 1,000 × 5"),
            ("Dip,X,10,5,0,0,,,", "Dip: 10 × 5 (X)"),
            ('Dip,1,10,5,0,0,"two\nlines",,', "Dip: 10 × 5 (two lines)"),
            (",1,10,5,0,0,,,", "Exercise: 10 × 5"),
            (",1,0,0,0,0,,,", ""),
            ("Dip,Rest Timer,0,0,0,90,,,", "Dip"),
        ],
    )
    def test_become_text(self, row: str, text: str) -> None:
        assert notes_of(row) == text

    def test_repeated_note_appears_once(self) -> None:
        assert notes_of(
            "Dip,1,0,5,0,0,slow,day,", "Dip,2,0,5,0,0,slow,day,", "Dip,3,0,5,0,0,fast,,"
        ) == ("day\nDip: 5 reps, 5 reps, 5 reps (slow; fast)")


class TestIds:
    def test_depend_on_start_and_name_only(self) -> None:
        def ids(*rows: str) -> list[str]:
            return [str(found.workout.id) for found in read(PLAIN + "\n".join(rows)).workouts]

        first = "2021-03-01 18:00:00,A,1h,Squat,1,100,5,0,0,,,"
        edited = "2021-03-01 18:00,A,2h,Squat,1,105,5,0,0,,edited,"
        assert ids(first) == ids(edited) == ["412ea6ec-4413-5a19-8d92-fc7a46037f11"]
        midnights = [first.replace("18:00:00", time) for time in ("00:00:00", "12:00 AM", "")]
        assert len({*ids(midnights[0]), *ids(midnights[1]), *ids(midnights[2])}) == 1
        others = [first.replace(",A,", ",B,"), first.replace("18:00:00", "18:00:01")]
        assert len(set(ids(first, *others))) == 3
