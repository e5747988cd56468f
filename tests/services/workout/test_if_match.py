"""Preconditions: If-Match over REST, and `etag` in the request."""

import asyncio
from typing import Any

import httpx2
import pytest
from grpc import StatusCode

from tests.services.workout.diary import CHANGED, FIELDS, Diary, Workout, entered, over_grpc
from tests.services.workout.training import squats
from tests.support.client import SOME_UUID, error_info, refused
from tests.support.rest import error_of

# {etag} is the etag of the workout.
MATCHING = [
    '"{etag}"',
    "{etag}",
    'W/"{etag}"',
    "*",
    '"other", "{etag}"',
    '"other","{etag}","third"',
    'other, W/"{etag}"',
    '"a,b", "{etag}"',
    "",
]
OLDER = ['"other"', "other", 'W/"other"', '"other", "third"', '"{etag}x"', '"x{etag}"', ",", '""']


class TestIfMatch:
    @over_grpc
    @pytest.mark.parametrize("form", MATCHING)
    async def test_change_is_made_if_etag_matches(
        self, diary: Diary, rest: httpx2.AsyncClient, form: str
    ) -> None:
        for verb, body in (("PUT", FIELDS), ("PATCH", {"duration": 45}), ("DELETE", None)):
            workout = await diary.create(exercises=squats(100))
            headers = {**dict(diary.credentials), "If-Match": form.format(etag=workout.etag)}
            response = await rest.request(
                verb, f"/workouts/{workout.id}", json=body, headers=headers
            )
            assert response.status_code == 200, (verb, response.text)
        assert len(await diary.all()) == 2

    @over_grpc
    @pytest.mark.parametrize("form", OLDER)
    @pytest.mark.parametrize("prefix", ["", "/v2"])
    async def test_change_is_rejected_if_etag_is_older(
        self, diary: Diary, rest: httpx2.AsyncClient, form: str, prefix: str
    ) -> None:
        workout = await diary.create(exercises=squats(100))
        headers = {**dict(diary.credentials), "If-Match": form.format(etag=workout.etag)}
        for verb, body in (
            ("PUT", CHANGED),
            ("PATCH", {"duration": 45}),
            ("PATCH", {"exercises": None}),
            ("DELETE", None),
        ):
            response = await rest.request(
                verb, f"{prefix}/workouts/{workout.id}", json=body, headers=headers
            )
            error = error_of(response, 412)
            assert error["details"][0]["reason"] == "ETAG_MISMATCH"
        assert await diary.get(workout.id) == workout

    @over_grpc
    async def test_several_lines_are_a_list(self, diary: Diary, rest: httpx2.AsyncClient) -> None:
        workout = await diary.create()
        headers = [*diary.credentials, ("If-Match", '"other"'), ("If-Match", f'"{workout.etag}"')]
        response = await rest.patch(
            f"/workouts/{workout.id}", json={"duration": 45}, headers=headers
        )
        assert response.status_code == 200

    @over_grpc
    async def test_change_that_is_stored_already_succeeds(
        self, diary: Diary, rest: httpx2.AsyncClient
    ) -> None:
        workout = await diary.create(exercises=squats(100))
        headers = {**dict(diary.credentials), "If-Match": f'"{workout.etag}"'}
        path = f"/workouts/{workout.id}"
        body = {"duration": 45, "exercises": [{"name": "Plank"}]}
        first = await rest.patch(path, json=body, headers=headers)
        # As a client repeats the request that got no response.
        again = await rest.patch(path, json=body, headers=headers)
        assert (again.status_code, again.json()) == (200, first.json())
        error_of(await rest.patch(path, json={"duration": 46}, headers=headers), 412)
        put = await rest.put(path, json={**FIELDS, "duration": 45}, headers=headers)
        assert put.json() == first.json()
        error_of(await rest.delete(path, headers=headers), 412)


class TestEtagOfRequest:
    async def test_change_is_made_if_it_matches(self, diary: Diary) -> None:
        workout = await diary.create(exercises=squats(100))
        changed = await diary.update(id=workout.id, patch={"notes": "x"}, etag=workout.etag)
        assert entered(changed) == Workout(
            id=workout.id,
            **{**FIELDS, "notes": "x"},  # type: ignore[arg-type]
            exercises=squats(100),
        )
        assert await diary.get(workout.id) == changed
        await diary.delete(workout.id, f'"{changed.etag}"')
        assert await diary.all() == []

    async def test_change_is_rejected_if_it_is_older(self, diary: Diary) -> None:
        workout = await diary.create(exercises=squats(100))
        changed = await diary.patch(workout.id, exercises=squats(110))
        changes: list[dict[str, Any]] = [
            {"patch": {"notes": "x"}},
            {"patch": {"exercises": squats(120)}},
            {"replacement": CHANGED},
        ]
        for change in changes:
            with pytest.raises(Exception, match="ABORTED") as raised:
                await diary.update(id=workout.id, etag=workout.etag, **change)
            assert error_info(raised.value).reason == "ETAG_MISMATCH"  # type: ignore[arg-type]
        with refused(StatusCode.ABORTED):
            await diary.delete(workout.id, workout.etag)
        assert await diary.get(workout.id) == changed

    async def test_missing_workout_is_not_found(self, diary: Diary) -> None:
        with refused(StatusCode.NOT_FOUND):
            await diary.update(id=SOME_UUID, patch={"notes": "x"}, etag="x")
        with refused(StatusCode.NOT_FOUND):
            await diary.delete(SOME_UUID, "x")

    async def test_one_of_10_concurrent_changes_is_made(self, diary: Diary) -> None:
        workout = await diary.create(exercises=squats(100))
        calls = [
            diary.update(id=workout.id, patch={"duration": 100 + number}, etag=workout.etag)
            for number in range(10)
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        (made,) = [result for result in results if isinstance(result, Workout)]
        assert await diary.get(workout.id) == made
