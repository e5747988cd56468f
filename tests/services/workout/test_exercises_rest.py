"""Exercises in JSON over REST: what was posted is what is returned."""

import json
from typing import Any

import httpx2
import pytest

from tests.services.workout.diary import FIELDS, Diary, entered_json, over_grpc
from tests.services.workout.training import EXERCISES, FULL, MINIMAL, SQUAT
from tests.support.rest import error_of

pytestmark = over_grpc
START = "2026-02-07T18:30:00+01:00"
TRAINING = {**FIELDS, "startTime": START, "exercises": EXERCISES}


@pytest.fixture
async def app(diary: Diary, rest: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Return an HTTP client with the credentials of the diary's owner."""
    rest.headers.update(dict(diary.credentials))
    return rest


async def posted(app: httpx2.AsyncClient, **changes: Any) -> Any:
    response = await app.post("/workouts", json={**TRAINING, **changes})
    assert response.status_code == 200, response.text
    return response.json()


class TestJson:
    @pytest.mark.parametrize("prefix", ["", "/v2"])
    async def test_has_exercises_as_posted(self, app: httpx2.AsyncClient, prefix: str) -> None:
        created = (await app.post(f"{prefix}/workouts", json=TRAINING)).json()
        path = f"{prefix}/workouts/{created['id']}"
        (listed,) = (await app.get(f"{prefix}/workouts?view=full")).json()["workouts"]
        (change,) = (await app.get(f"{prefix}/workouts/changes")).json()["changes"]
        for workout in (
            created,
            listed,
            change["workout"],
            (await app.get(path)).json(),
            (await app.put(path, json=FIELDS)).json(),
            (await app.put(path, json=TRAINING)).json(),
            (await app.patch(path, json={})).json(),
            (await app.patch(path, json={"exercises": EXERCISES})).json(),
        ):
            assert entered_json(workout) == {**TRAINING, "id": created["id"]}
            assert (workout["exerciseCount"], workout["setCount"]) == (4, 11)

    @pytest.mark.parametrize("exercise", [MINIMAL, SQUAT, FULL], ids=lambda one: one["name"])
    async def test_leaves_out_what_was_not_given(
        self, app: httpx2.AsyncClient, exercise: dict[str, Any]
    ) -> None:
        created = await posted(app, exercises=[exercise])
        assert created["exercises"] == [exercise]
        response = await app.get(f"/workouts/{created['id']}")
        assert response.json()["exercises"] == [exercise]

    async def test_basic_view_has_empty_list(self, app: httpx2.AsyncClient) -> None:
        await posted(app)
        for query in ("", "?view=basic"):
            (listed,) = (await app.get(f"/workouts{query}")).json()["workouts"]
            assert (listed["exercises"], listed["setCount"]) == ([], 11)

    @pytest.mark.parametrize(
        "number", ["102.5", "45.359", "0.001", "10000", "-10000", "0", "9999.999", "0.1", "20.4"]
    )
    async def test_numbers_are_exact(self, app: httpx2.AsyncClient, number: str) -> None:
        one = f'{{"weight": {{"value": {number}, "unit": "kg"}}, "rpe": 7.5}}'
        workout = json.dumps(FIELDS)[:-1] + f', "exercises": [{{"name": "A", "sets": [{one}]}}]}}'
        created = await app.post("/workouts", content=workout)
        stored = await app.get(f"/workouts/{created.json()['id']}")
        for response in (created, stored):
            body = json.loads(response.text, parse_float=str, parse_int=str)
            (one_set,) = body["exercises"][0]["sets"]
            assert one_set == {"weight": {"value": number, "unit": "kg"}, "rpe": "7.5"}

    @pytest.mark.parametrize("number", ["10000000", "9999999.999", "0.001", "5.02"])
    async def test_distances_are_numbers(self, app: httpx2.AsyncClient, number: str) -> None:
        distance = {"value": json.loads(number), "unit": "m"}
        created = await posted(app, exercises=[{"name": "Run", "sets": [{"distance": distance}]}])
        stored = (await app.get(f"/workouts/{created['id']}")).json()
        for workout in (created, stored):
            assert workout["exercises"][0]["sets"] == [{"distance": distance}]

    async def test_accepts_snake_case(self, app: httpx2.AsyncClient) -> None:
        body = {
            **FIELDS,
            "start_time": START,
            "exercises": [{"name": "Plank", "sets": [{"duration_seconds": 60}]}],
        }
        created = (await app.post("/workouts", json=body)).json()
        assert created["startTime"] == START
        assert created["exercises"] == [{"name": "Plank", "sets": [{"durationSeconds": 60}]}]

    async def test_ignores_output_and_unknown_fields(self, app: httpx2.AsyncClient) -> None:
        output = {
            "source": "hevy",
            "etag": "x",
            "setCount": 7,
            "createTime": "2020-01-01T00:00:00Z",
        }
        unknown = {"colour": {"a": [1, None]}}
        exercise = {**SQUAT, **unknown, "sets": [{**SQUAT["sets"][0], **unknown}]}
        created = await posted(app, **output, **unknown, exercises=[exercise])
        assert created["exercises"] == [{**SQUAT, "sets": SQUAT["sets"][:1]}]
        assert (created["source"], created["setCount"]) == ("", 1)
        assert created["createTime"] > "2026"


class TestPatch:
    @pytest.mark.parametrize(
        ("body", "changed"),
        [
            ({"exercises": None}, {"exercises": []}),
            ({"exercises": []}, {"exercises": []}),
            ({"exercises": [SQUAT]}, {"exercises": [SQUAT]}),
            ({"exercises": [{"name": " Squat "}]}, {"exercises": [{"name": "Squat", "sets": []}]}),
            ({"exercises": [{**SQUAT, "colour": None}]}, {"exercises": [SQUAT]}),
            (
                {"exercises": [{"name": "A", "sets": None}]},
                {"exercises": [{"name": "A", "sets": []}]},
            ),
            (
                {"exercises": [{"name": "A", "sets": [{"reps": None, "unit": {"a": []}}]}]},
                {"exercises": [{"name": "A", "sets": [{}]}]},
            ),
            ({"duration": 45}, {"duration": 45}),
            ({"notes": None}, {"notes": ""}),
            ({"etag": "x", "source": "hevy", "setCount": 0}, {}),
        ],
    )
    async def test_changes_fields_of_body(
        self, app: httpx2.AsyncClient, body: dict[str, Any], changed: dict[str, Any]
    ) -> None:
        created = await posted(app)
        response = await app.patch(f"/workouts/{created['id']}", json=body)
        assert entered_json(response.json()) == {**TRAINING, **changed, "id": created["id"]}
        assert (await app.get(f"/workouts/{created['id']}")).json() == response.json()

    async def test_clears_start_time_by_null(self, app: httpx2.AsyncClient) -> None:
        created = await posted(app)
        response = await app.patch(f"/workouts/{created['id']}", json={"startTime": None})
        assert "startTime" not in response.json()
        assert response.json()["exercises"] == EXERCISES

    @pytest.mark.parametrize(
        "exercises",
        [
            5,
            "Squat",
            [5],
            [{"name": 5}],
            [{"name": "A", "sets": [5]}],
            [{"name": "A", "sets": [{"reps": 1.5}]}],
            [{"name": "A", "sets": [{"reps": "x"}]}],
            [{"name": "A", "sets": [{"completed": 1}]}],
            [{"name": "A", "sets": [{"weight": 100}]}],
        ],
        ids=json.dumps,
    )
    async def test_rejects_wrong_json(self, app: httpx2.AsyncClient, exercises: Any) -> None:
        created = await posted(app)
        path = f"/workouts/{created['id']}"
        error_of(await app.patch(path, json={"exercises": exercises}), 400)
        error_of(await app.post("/workouts", json={**FIELDS, "exercises": exercises}), 400)
        assert (await app.get(path)).json() == created
