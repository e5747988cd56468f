"""Workouts in JSON over REST, written out by hand."""

from uuid import uuid4

import httpx2
import pytest

from tests.services.workout.diary import CHANGED, FIELDS, Diary, entered_json, over_grpc
from tests.support.rest import error_of

# Of a workout with these four fields.
KEYS = {
    *("id", "date", "type", "duration", "notes", "exercises", "source", "createTime", "updateTime"),
    *("etag", "exerciseCount", "setCount"),
}


class TestFitTrack:
    async def test_full_session_succeeds(self, rest: httpx2.AsyncClient) -> None:
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
        assert entered_json(workout) == {"id": workout["id"], **body, "exercises": []}
        assert created.text.startswith(
            f'{{"id":"{workout["id"]}","date":"2026-02-07","type":"Running","duration":30,'
            '"notes":"Easy pace",'
        )

        listed = (await rest.get("/workouts")).json()
        assert listed == {"workouts": [workout], "nextPageToken": ""}
        path = f"/workouts/{workout['id']}"
        assert (await rest.get(path)).json() == workout

        changed = {"date": "2026-02-08", "type": "Cycling", "duration": 60}
        updated = await rest.put(path, json=changed)
        expected = {"id": workout["id"], **changed, "notes": "", "exercises": []}
        assert entered_json(updated.json()) == expected
        assert updated.text.startswith(
            f'{{"id":"{workout["id"]}","date":"2026-02-08","type":"Cycling","duration":60,'
            '"notes":"",'
        )
        assert (await rest.get(path)).json() == updated.json()

        deleted = await rest.delete(path)
        assert (deleted.status_code, deleted.json()) == (200, {})
        error_of(await rest.get(path), 404)
        error_of(await rest.delete(path), 404)
        assert (await rest.get("/workouts")).json() == {"workouts": [], "nextPageToken": ""}
        health = await rest.get("/health")
        assert (health.status_code, health.json()) == (200, {"status": "ok"})


class TestJson:
    @over_grpc
    @pytest.mark.parametrize("prefix", ["", "/v2"])
    async def test_workout_has_exactly_documented_keys(
        self, diary: Diary, rest: httpx2.AsyncClient, prefix: str
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
            assert entered_json(workout) == entered_json(created)
            assert (type(workout["duration"]), workout["notes"]) == (int, "")

    @over_grpc
    @pytest.mark.parametrize("wrong", ["30 minutes", "1.5", "", "1e99", str(2**31)])
    async def test_rejects_invalid_duration(
        self, diary: Diary, rest: httpx2.AsyncClient, wrong: str
    ) -> None:
        rest.headers.update(dict(diary.credentials))
        error_of(await rest.post("/workouts", json={**FIELDS, "duration": wrong}), 400)
        assert await diary.all() == []


class TestQuery:
    @over_grpc
    @pytest.mark.parametrize("name", ["update_mask", "updateMask"])
    async def test_accepts_update_mask(
        self, diary: Diary, rest: httpx2.AsyncClient, name: str
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
            expected |= {"id": workout.id, "exercises": []}
            assert entered_json(response.json()) == expected
        for mask, blamed_field in (("*", "patch.date"), ("date", "patch.date")):
            response = await rest.patch(
                path, params={name: mask}, json={"type": "x", "duration": 1}
            )
            (violation,) = error_of(response, 400)["details"][1]["fieldViolations"]
            assert violation["field"] == blamed_field
        error_of(await rest.patch(path, params={name: "colour"}, json=CHANGED), 400)

    @over_grpc
    async def test_accepts_both_spellings_of_parameters(
        self, diary: Diary, rest: httpx2.AsyncClient
    ) -> None:
        rest.headers.update(dict(diary.credentials))
        for date in ("2026-02-06", "2026-02-07", "2026-02-08"):
            await diary.create(date=date)
        for names in (
            ("start_date", "end_date", "page_size"),
            ("startDate", "endDate", "pageSize"),
        ):
            query = dict(zip(names, ("2026-02-07", "2026-02-08", "1"), strict=True))
            page = (await rest.get("/workouts", params=query)).json()
            assert [workout["date"] for workout in page["workouts"]] == ["2026-02-08"]
            assert page["nextPageToken"]
            for token in ("page_token", "pageToken"):
                rest_of = await rest.get(
                    "/workouts", params={**query, token: page["nextPageToken"]}
                )
                (workout,) = rest_of.json()["workouts"]
                assert workout["date"] == "2026-02-07"

    @over_grpc
    async def test_ignores_id(self, diary: Diary, rest: httpx2.AsyncClient) -> None:
        named, other = await diary.create(), await diary.create()
        for prefix in ("", "/v2"):
            path = f"{prefix}/workouts/{named.id}?id={other.id}"
            headers = dict(diary.credentials)
            assert (await rest.get(path, headers=headers)).json()["id"] == named.id
            response = await rest.patch(path, headers=headers, json={"notes": prefix})
            assert response.json()["id"] == named.id
        assert (await rest.delete(path, headers=headers)).status_code == 200
        assert await diary.all() == [other]
