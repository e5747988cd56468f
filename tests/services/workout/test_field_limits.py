"""Limits of a workout's fields: accepted values are returned exactly, others rejected by name."""

from typing import Any

from grpc import StatusCode

from tests.services.workout.diary import FIELDS, Diary, entered, violates
from tests.support.client import refused

NO_DATES = [
    "2023-02-29",
    "2026-13-01",
    "2026-00-01",
    "0000-01-01",
    "10000-01-01",
    "26-2-7",
    "20260207",
    "2026-W06-6",
    "2026-02-07T00:00:00Z",
    "2026-02-07\n",
    " 2026-02-07",
    "٢٠٢٦-٠٢-٠٧",
    "today",
    "",
]


WRONG: list[tuple[str, Any]] = [
    ("type", ""),
    ("type", "x" * 101),
    ("type", "🏋" * 101),
    ("type", "Run\0"),
    ("duration", 0),
    ("duration", 10_081),
    ("duration", -1),
    ("duration", 2**31 - 1),
    ("duration", -(2**31)),
    ("notes", "x" * 10_001),
    ("notes", "🏋" * 10_001),
    ("notes", "\0"),
]


AT_A_LIMIT: list[tuple[str, Any]] = [
    ("type", "x"),
    ("type", "x" * 100),
    ("type", "🏋" * 100),
    ("duration", 1),
    ("duration", 10_080),
    ("notes", ""),
    ("notes", "x" * 10_000),
    ("notes", "🏋" * 10_000),
]


TEXTS = [
    "é",
    "e\u0301",
    "Z\u0351\u036b\u0343alg\u0489o",
    "تمرين الصباح",
    "אימון \u202ebackwards\u202c",
    "筋トレ",
    "हिन्दी",
    "👩‍👩‍👧‍👦🏋🏽‍♀️",
    "  spaces before and after  ",
    " ",
    "line\nline\r\nline\rline\u2028line",
    "\ttab\x01\x1b[31m\x7f",
    "\ufeff\u200b\uffff\U0010ffff",
    "ﬁ ß İ ı ſ",
    "'; DROP TABLE workouts; --",
    '"{}\\u0041%00&amp;',
]


class TestInvalidValues:
    async def test_rejects_invalid_date_in_every_write(self, diary: Diary) -> None:
        workout = await diary.create()
        for wrong in NO_DATES:
            with violates("date"):
                await diary.create(date=wrong)
            with violates("replacement.date"):
                await diary.replace(workout.id, **{**FIELDS, "date": wrong})
            with violates("patch.date"):
                await diary.patch(workout.id, date=wrong)
        assert await diary.all() == [workout]

    async def test_rejects_invalid_date_in_every_filter(self, diary: Diary) -> None:
        for wrong in filter(None, NO_DATES):
            for field in ("start_date", "end_date", "today"):
                with violates(field):
                    await diary.stats(**{field: wrong})
            for field in ("start_date", "end_date"):
                with violates(field):
                    await diary.page(**{field: wrong})

    async def test_rejects_value_beyond_limit_in_every_write(self, diary: Diary) -> None:
        workout = await diary.create()
        for field, wrong in WRONG:
            with violates(field):
                await diary.create(**{field: wrong})
            with violates(f"replacement.{field}"):
                await diary.replace(workout.id, **{**FIELDS, field: wrong})
            with violates(f"patch.{field}"):
                await diary.patch(workout.id, **{field: wrong})
        assert await diary.all() == [workout]

    async def test_reports_all_violations_at_once(self, diary: Diary) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "date", "type", "duration", "notes", "id"):
            await diary.create(date="x", type="", duration=0, notes="\0", id="x")


class TestValidValues:
    async def test_returns_value_at_limit_exactly(self, diary: Diary) -> None:
        changed = await diary.create()
        for field, value in AT_A_LIMIT:
            created = await diary.create(**{field: value})
            assert getattr(created, field) == value
            assert await diary.get(created.id) == created
            for change in (
                await diary.replace(changed.id, **{**FIELDS, field: value}),
                await diary.patch(changed.id, **{field: value}),
            ):
                assert entered(change) == entered(await diary.get(changed.id))
                assert getattr(change, field) == value

    async def test_returns_extreme_dates_in_order(
        self,
        diary: Diary,
    ) -> None:
        dates = ["0001-01-01", "9999-12-31", "1970-01-01", "9999-12-30", "0001-01-02", "2024-02-29"]
        for date in dates:
            created = await diary.create(date=date)
            assert created.date == date
            assert await diary.get(created.id) == created
        for page_size in (1, 100):
            listed = await diary.all(page_size=page_size)
            assert [workout.date for workout in listed] == sorted(dates, reverse=True)
        (last,) = await diary.all(start_date="9999-12-31")
        (first,) = await diary.all(end_date="0001-01-01")
        assert (first.date, last.date) == ("0001-01-01", "9999-12-31")
        assert (await diary.patch(last.id, date="0001-01-01")).date == "0001-01-01"
        assert (await diary.patch(first.id, date="9999-12-31")).date == "9999-12-31"

    async def test_returns_text_of_any_language_exactly(self, diary: Diary) -> None:
        for text in TEXTS:
            # Surrounding white space is not part of a type.
            kind = text.strip() or "Run"
            created = await diary.create(type=kind, notes=text)
            assert (created.type, created.notes) == (kind, text)
            assert await diary.get(created.id) == created
            assert await diary.all(type=kind) == [created]
            replaced = await diary.replace(created.id, **{**FIELDS, "type": kind, "notes": text})
            assert entered(replaced) == entered(created)
            await diary.delete(created.id)
