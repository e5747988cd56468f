"""WorkoutService: adding, reading, changing and deleting, over every way to call."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from google.protobuf.message import Message
from grpc import StatusCode
from gymlocker.v2 import workout_pb2

from server.demo.transport import CallError
from tests.feed.client import SOME_UUID, Client, refused
from tests.feed.rest import error_of
from tests.workout.diary import FIELDS, Diary, Workout, blamed

over_grpc = pytest.mark.parametrize("transport", ["grpc"], indirect=True)

CHANGED = {"date": "2025-12-31", "type": "Yoga", "duration": 45, "notes": "Slow"}


# --- Round trips ---


async def test_a_workout_that_was_added_is_read_back(diary: Diary) -> None:
    workout = await diary.create()
    assert workout == Workout(id=workout.id, **FIELDS)  # type: ignore[arg-type]
    assert await diary.get(workout.id) == workout
    assert await diary.all() == [workout]


async def test_a_workout_may_be_named_in_capitals(diary: Diary) -> None:
    workout = await diary.create()
    name = workout.id.upper()
    assert await diary.get(name) == workout
    assert (await diary.patch(name, duration=31)).id == workout.id
    await diary.delete(name)
    assert await diary.all() == []


async def test_a_deleted_workout_is_gone_and_others_stay(diary: Diary) -> None:
    gone, stays = await diary.create(), await diary.create()
    await diary.delete(gone.id)
    assert await diary.all() == [stays]
    for call in (diary.get, diary.delete, diary.patch):
        with refused(StatusCode.NOT_FOUND):
            await call(gone.id)


async def test_of_two_who_delete_a_workout_one_did(diary: Diary) -> None:
    workout = await diary.create()
    calls = [diary.delete(workout.id) for _ in range(10)]
    replies = await asyncio.gather(*calls, return_exceptions=True)
    errors = [reply for reply in replies if isinstance(reply, CallError)]
    assert [error.code for error in errors] == [StatusCode.NOT_FOUND] * 9


# --- Limits ---

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


async def test_a_date_that_does_not_exist_is_refused_wherever_one_is_given(diary: Diary) -> None:
    workout = await diary.create()
    for wrong in NO_DATES:
        with blamed("date"):
            await diary.create(date=wrong)
        with blamed("replacement.date"):
            await diary.replace(workout.id, **{**FIELDS, "date": wrong})
        with blamed("patch.date"):
            await diary.patch(workout.id, date=wrong)
    assert await diary.all() == [workout]


async def test_a_date_that_does_not_exist_finds_nothing(diary: Diary) -> None:
    for wrong in filter(None, NO_DATES):
        for field in ("start_date", "end_date", "today"):
            with blamed(field):
                await diary.stats(**{field: wrong})
        for field in ("start_date", "end_date"):
            with blamed(field):
                await diary.page(**{field: wrong})


async def test_what_breaks_a_limit_is_refused_and_named(diary: Diary) -> None:
    workout = await diary.create()
    for field, wrong in WRONG:
        with blamed(field):
            await diary.create(**{field: wrong})
        with blamed(f"replacement.{field}"):
            await diary.replace(workout.id, **{**FIELDS, field: wrong})
        with blamed(f"patch.{field}"):
            await diary.patch(workout.id, **{field: wrong})
    assert await diary.all() == [workout]


async def test_everything_that_is_wrong_is_named_at_once(diary: Diary) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "date", "type", "duration", "notes", "id"):
        await diary.create(date="x", type="", duration=0, notes="\0", id="x")


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


async def test_what_is_at_a_limit_comes_back_exactly(diary: Diary) -> None:
    changed = await diary.create()
    for field, value in AT_A_LIMIT:
        created = await diary.create(**{field: value})
        assert getattr(created, field) == value
        assert await diary.get(created.id) == created
        for change in (
            await diary.replace(changed.id, **{**FIELDS, field: value}),
            await diary.patch(changed.id, **{field: value}),
        ):
            assert change == await diary.get(changed.id)
            assert getattr(change, field) == value


async def test_the_first_and_the_last_date_come_back_and_stand_in_their_order(
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


async def test_any_language_comes_back_exactly(diary: Diary) -> None:
    for text in TEXTS:
        created = await diary.create(type=text, notes=text)
        assert (created.type, created.notes) == (text, text)
        assert await diary.get(created.id) == created
        assert await diary.all(type=text) == [created]
        assert await diary.replace(created.id, **{**FIELDS, "type": text, "notes": text}) == created
        await diary.delete(created.id)


# --- Once, however often it is sent ---


@pytest.mark.parametrize("name", ["id", "request_id"])
async def test_a_repeated_request_adds_nothing_and_returns_the_workout(
    diary: Diary, name: str
) -> None:
    request = {name: str(uuid4())}
    created = await diary.create(**request)
    assert await diary.create(**request) == created
    assert await diary.all() == [created]


@pytest.mark.parametrize("name", ["id", "request_id"])
async def test_20_of_one_request_at_the_same_time_add_one_workout(diary: Diary, name: str) -> None:
    request = {name: str(uuid4())}
    created = await asyncio.gather(*(diary.create(**request) for _ in range(20)))
    assert await diary.all() == [created[0]]
    assert created == [created[0]] * 20


@pytest.mark.parametrize("name", ["id", "request_id"])
async def test_a_request_of_that_name_that_says_something_else_is_refused(
    diary: Diary, name: str
) -> None:
    request = {name: str(uuid4())}
    created = await diary.create(**request)
    for field, value in CHANGED.items():
        with refused(StatusCode.ALREADY_EXISTS):
            await diary.create(**request, **{field: value})
    assert await diary.all() == [created]


async def test_of_20_who_say_different_things_under_one_id_one_is_heard(diary: Diary) -> None:
    calls = [diary.create(id=SOME_UUID, duration=number + 1) for number in range(20)]
    replies = await asyncio.gather(*calls, return_exceptions=True)
    created = [reply for reply in replies if isinstance(reply, Workout)]
    assert await diary.all() == created
    assert len(created) == 1
    assert {reply.code for reply in replies if isinstance(reply, CallError)} == {
        StatusCode.ALREADY_EXISTS
    }


async def test_requests_without_a_name_add_a_workout_each(diary: Diary) -> None:
    created = await asyncio.gather(*(diary.create() for _ in range(10)))
    assert len({workout.id for workout in created}) == len(await diary.all()) == 10


async def test_a_workout_has_the_id_that_the_client_chose(diary: Diary) -> None:
    chosen = str(uuid4())
    assert (await diary.create(id=chosen.upper())).id == chosen
    assert (await diary.create(id=chosen, request_id="not heeded")).id == chosen
    assert (await diary.create(request_id="not heeded")).id != chosen


async def test_an_id_that_is_no_uuid_is_refused(diary: Diary) -> None:
    for wrong in ("x", SOME_UUID.replace("-", ""), f"{{{SOME_UUID}}}", "\0"):
        with blamed("id"):
            await diary.create(id=wrong)
    assert await diary.all() == []


async def test_a_request_id_has_limits_as_well(diary: Diary) -> None:
    for wrong in ("x" * 101, "\0"):
        with blamed("request_id"):
            await diary.create(request_id=wrong)
    await diary.create(request_id="🏋" * 100)


@pytest.mark.parametrize("name", ["id", "request_id"])
async def test_two_people_who_choose_the_same_have_a_workout_each(
    diary: Diary, other: Diary, name: str
) -> None:
    chosen = {name: str(uuid4())}
    mine = await diary.create(**chosen, notes="mine")
    theirs = await other.create(**chosen, notes="theirs")
    assert (await diary.all(), await other.all()) == ([mine], [theirs])
    await diary.patch(mine.id, duration=99)
    await diary.delete(mine.id)
    assert (await diary.all(), await other.all()) == ([], [theirs])


# --- Changing all of it ---


async def test_a_replacement_is_all_that_a_workout_says(diary: Diary) -> None:
    workout, stays = await diary.create(), await diary.create()
    replaced = await diary.replace(workout.id, **CHANGED)
    assert replaced == Workout(id=workout.id, **CHANGED)  # type: ignore[arg-type]
    assert await diary.replace(workout.id, **CHANGED) == replaced
    assert await diary.get(workout.id) == replaced
    assert await diary.get(stays.id) == stays


async def test_a_replacement_without_notes_clears_them(diary: Diary) -> None:
    workout = await diary.create()
    replaced = await diary.replace(workout.id, date="2026-02-07", type="Running", duration=30)
    assert replaced.notes == ""
    assert await diary.get(workout.id) == replaced


async def test_a_replacement_lacks_nothing_but_notes(diary: Diary) -> None:
    workout = await diary.create()
    for missing in ("date", "type", "duration"):
        rest = {name: value for name, value in CHANGED.items() if name != missing}
        with blamed(f"replacement.{missing}"):
            await diary.replace(workout.id, **rest)
    assert await diary.get(workout.id) == workout


@over_grpc
async def test_a_change_to_nothing_at_all_is_refused(diary: Diary) -> None:
    workout = await diary.create()
    with blamed("change"):
        await diary.update(id=workout.id)
    with blamed("change"):
        await diary.update(id=workout.id, update_mask={"paths": ["notes"]})
    assert await diary.get(workout.id) == workout


# --- Changing parts of it ---


async def test_a_patch_changes_what_it_holds(diary: Diary) -> None:
    for field, value in CHANGED.items():
        workout = await diary.create()
        patched = await diary.patch(workout.id, **{field: value})
        expected = {**FIELDS, field: value}
        assert patched == Workout(id=workout.id, **expected)  # type: ignore[arg-type]
        assert await diary.get(workout.id) == patched


async def test_an_empty_patch_changes_nothing(diary: Diary) -> None:
    workout = await diary.create()
    assert await diary.patch(workout.id) == workout
    assert await diary.get(workout.id) == workout
    with refused(StatusCode.NOT_FOUND):
        await diary.patch(SOME_UUID)


async def test_a_patch_with_empty_notes_clears_them(diary: Diary) -> None:
    workout = await diary.create()
    assert (await diary.patch(workout.id, notes="")).notes == ""


async def test_a_mask_names_what_a_patch_changes(diary: Diary) -> None:
    workout = await diary.create()
    patched = await diary.patch(workout.id, "type", "duration", "type", **CHANGED)
    expected = {**FIELDS, "type": "Yoga", "duration": 45}
    assert patched == Workout(id=workout.id, **expected)  # type: ignore[arg-type]
    assert await diary.get(workout.id) == patched


async def test_the_mask_of_everything_changes_everything(diary: Diary) -> None:
    workout = await diary.create()
    patched = await diary.patch(workout.id, "*", **CHANGED)
    assert patched == Workout(id=workout.id, **CHANGED)  # type: ignore[arg-type]
    rest = {name: value for name, value in FIELDS.items() if name != "notes"}
    assert (await diary.patch(workout.id, "*", **rest)).notes == ""


async def test_a_mask_clears_notes_that_the_patch_does_not_hold(diary: Diary) -> None:
    workout = await diary.create()
    patched = await diary.patch(workout.id, "notes", duration=99)
    assert (patched.notes, patched.duration) == ("", 30)
    assert await diary.get(workout.id) == patched


async def test_nothing_but_notes_can_be_cleared(diary: Diary) -> None:
    workout = await diary.create()
    for field in ("date", "type", "duration"):
        rest = {name: value for name, value in CHANGED.items() if name != field}
        for mask in ([field], [field, "notes"], ["*"]):
            with refused(StatusCode.INVALID_ARGUMENT, f"patch.{field}"):
                await diary.patch(workout.id, *mask, **rest)
    assert await diary.get(workout.id) == workout


async def test_a_mask_that_names_what_a_workout_has_not_is_refused(diary: Diary) -> None:
    workout = await diary.create()
    for name in ("id", "colour", "user_id", "notes.length", "patch.notes", "n*"):
        for mask in ([name], ["notes", name]):
            with pytest.raises(CallError) as raised:
                await diary.patch(workout.id, *mask, **CHANGED)
            assert raised.value.code == StatusCode.INVALID_ARGUMENT
    assert await diary.get(workout.id) == workout


async def test_patches_of_different_fields_at_the_same_time_all_last(diary: Diary) -> None:
    workout = await diary.create()
    for _ in range(5):
        await diary.replace(workout.id, **FIELDS)
        await asyncio.gather(
            *(diary.patch(workout.id, **{field: value}) for field, value in CHANGED.items())
        )
        assert await diary.get(workout.id) == Workout(id=workout.id, **CHANGED)  # type: ignore[arg-type]


# --- Whose it is ---


def calls_on(diary: Diary, workout_id: str) -> list[Coroutine[Any, Any, Message]]:
    """Every call that names a workout."""
    return [
        diary.get(workout_id),
        diary.replace(workout_id, **CHANGED),
        diary.patch(workout_id, notes="stolen"),
        diary.patch(workout_id, "*", **CHANGED),
        diary.patch(workout_id),
        diary.delete(workout_id),
    ]


async def test_somebody_elses_workout_is_one_that_does_not_exist(
    diary: Diary, other: Diary
) -> None:
    theirs = await other.create()
    for to_theirs, to_nobodys in zip(
        calls_on(diary, theirs.id), calls_on(diary, SOME_UUID), strict=True
    ):
        errors = []
        for call in (to_theirs, to_nobodys):
            with pytest.raises(CallError) as raised:
                await call
            errors.append(raised.value)
        # Nothing tells the one from the other.
        assert errors[0].code == StatusCode.NOT_FOUND
        assert errors[0].details == errors[1].details
    assert await other.all() == [theirs]
    assert await diary.all() == []
    assert (await diary.stats()).count == 0


async def test_what_is_wrong_is_said_before_whether_the_workout_exists(
    diary: Diary, other: Diary
) -> None:
    theirs = await other.create()
    for workout_id in (theirs.id, SOME_UUID):
        with blamed("patch.duration"):
            await diary.patch(workout_id, duration=0)
        with blamed("patch.date"):
            await diary.patch(workout_id, date="2023-02-29")


async def test_an_id_that_is_no_uuid_is_refused_wherever_one_is_given(diary: Diary) -> None:
    for wrong in ("x", SOME_UUID[:-1], SOME_UUID.replace("-", "")):
        for call in calls_on(diary, wrong):
            with blamed("id"):
                await call


CALLS: dict[str, Message] = {
    "CreateWorkout": workout_pb2.CreateWorkoutRequest(**FIELDS),  # type: ignore[arg-type]
    "GetWorkout": workout_pb2.GetWorkoutRequest(id=SOME_UUID),
    "ListWorkouts": workout_pb2.ListWorkoutsRequest(),
    "UpdateWorkout": workout_pb2.UpdateWorkoutRequest(
        id=SOME_UUID, patch=workout_pb2.WorkoutPatch(notes="x")
    ),
    "DeleteWorkout": workout_pb2.DeleteWorkoutRequest(id=SOME_UUID),
    "GetWorkoutStats": workout_pb2.GetWorkoutStatsRequest(),
}


async def test_nobody_in_particular_has_a_diary(client: Client) -> None:
    for name, request in CALLS.items():
        call = getattr(client.workouts, name)
        with refused(StatusCode.UNAUTHENTICATED):
            await call(request)
        with refused(StatusCode.UNAUTHENTICATED):
            await call(request, metadata=[("authorization", "Bearer x.y.z")])


# --- REST, spelt out by hand ---

KEYS = {"id", "date", "type", "duration", "notes"}


async def test_the_way_that_fittrack_goes(rest: httpx2.AsyncClient) -> None:
    account = {"username": f"fit-{uuid4()}", "password": "correct horse"}
    registered = await rest.post("/auth/register", json=account)
    assert registered.status_code == 200
    login = (await rest.post("/auth/login", json=account)).json()
    assert login["token_type"] == "bearer"
    rest.headers["Authorization"] = f"Bearer {login['access_token']}"

    body = {"date": "2026-02-07", "type": "Running", "duration": 30, "notes": "Easy pace"}
    created = await rest.post("/workouts", json=body)
    assert created.status_code == 200
    workout = created.json()
    assert workout == {"id": workout["id"], **body}

    listed = (await rest.get("/workouts")).json()
    assert listed == {"workouts": [workout], "nextPageToken": ""}
    path = f"/workouts/{workout['id']}"
    assert (await rest.get(path)).json() == workout

    changed = {"date": "2026-02-08", "type": "Cycling", "duration": 60}
    updated = await rest.put(path, json=changed)
    assert updated.json() == {"id": workout["id"], **changed, "notes": ""}
    assert (await rest.get(path)).json() == updated.json()

    deleted = await rest.delete(path)
    assert (deleted.status_code, deleted.json()) == (200, {})
    error_of(await rest.get(path), 404)
    error_of(await rest.delete(path), 404)
    assert (await rest.get("/workouts")).json() == {"workouts": [], "nextPageToken": ""}
    health = await rest.get("/health")
    assert (health.status_code, health.json()) == (200, {"status": "ok"})


@over_grpc
@pytest.mark.parametrize("prefix", ["", "/v2"])
async def test_a_workout_in_json_has_these_keys_and_no_others(
    diary: Diary, rest: httpx2.AsyncClient, prefix: str
) -> None:
    rest.headers.update(dict(diary.credentials))
    body = {"date": "2026-02-07", "type": "Running", "duration": 30}
    created = (await rest.post(f"{prefix}/workouts", json=body)).json()
    path = f"{prefix}/workouts/{created['id']}"
    (listed,) = (await rest.get(f"{prefix}/workouts")).json()["workouts"]
    for workout in (
        created,
        listed,
        (await rest.get(path)).json(),
        (await rest.put(path, json=body)).json(),
        (await rest.patch(path, json={})).json(),
    ):
        assert workout.keys() == KEYS
        assert workout == created
        assert (type(workout["duration"]), workout["notes"]) == (int, "")


@over_grpc
@pytest.mark.parametrize("name", ["update_mask", "updateMask"])
async def test_a_mask_stands_in_the_query(
    diary: Diary, rest: httpx2.AsyncClient, name: str
) -> None:
    rest.headers.update(dict(diary.credentials))
    workout = await diary.create()
    path = f"/workouts/{workout.id}"
    for mask, expected in [
        ("duration", {**FIELDS, "duration": 45}),
        ("notes", {**FIELDS, "duration": 45, "notes": ""}),
        (
            "date,type",
            {**FIELDS, "date": "2025-12-31", "type": "Yoga", "duration": 45, "notes": ""},
        ),
    ]:
        body = {**CHANGED, "notes": None}
        response = await rest.patch(path, params={name: mask}, json=body)
        assert response.json() == {"id": workout.id, **expected}
    for mask, blamed_field in (("*", "patch.date"), ("date", "patch.date")):
        response = await rest.patch(path, params={name: mask}, json={"type": "x", "duration": 1})
        (violation,) = error_of(response, 400)["details"][1]["fieldViolations"]
        assert violation["field"] == blamed_field
    error_of(await rest.patch(path, params={name: "colour"}, json=CHANGED), 400)


@over_grpc
async def test_a_filter_may_be_spelt_either_way(diary: Diary, rest: httpx2.AsyncClient) -> None:
    rest.headers.update(dict(diary.credentials))
    for date in ("2026-02-06", "2026-02-07", "2026-02-08"):
        await diary.create(date=date)
    for names in (("start_date", "end_date", "page_size"), ("startDate", "endDate", "pageSize")):
        query = dict(zip(names, ("2026-02-07", "2026-02-08", "1"), strict=True))
        page = (await rest.get("/workouts", params=query)).json()
        assert [workout["date"] for workout in page["workouts"]] == ["2026-02-08"]
        assert page["nextPageToken"]
        for token in ("page_token", "pageToken"):
            rest_of = await rest.get("/workouts", params={**query, token: page["nextPageToken"]})
            (workout,) = rest_of.json()["workouts"]
            assert workout["date"] == "2026-02-07"


@over_grpc
@pytest.mark.parametrize("wrong", ["30 minutes", "1.5", "", "1e99", str(2**31)])
async def test_a_duration_that_is_no_number_of_minutes_is_400(
    diary: Diary, rest: httpx2.AsyncClient, wrong: str
) -> None:
    rest.headers.update(dict(diary.credentials))
    error_of(await rest.post("/workouts", json={**FIELDS, "duration": wrong}), 400)
    assert await diary.all() == []


@over_grpc
async def test_the_query_says_nothing_about_which_workout_it_is(
    diary: Diary, rest: httpx2.AsyncClient
) -> None:
    named, other = await diary.create(), await diary.create()
    for prefix in ("", "/v2"):
        path = f"{prefix}/workouts/{named.id}?id={other.id}"
        headers = dict(diary.credentials)
        assert (await rest.get(path, headers=headers)).json()["id"] == named.id
        reply = await rest.patch(path, headers=headers, json={"notes": prefix})
        assert reply.json()["id"] == named.id
    assert (await rest.delete(path, headers=headers)).status_code == 200
    assert await diary.all() == [other]
