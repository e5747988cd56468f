"""PATCH over REST: null clears, absent fields stay, unknown fields are ignored."""

from typing import Any

import httpx2
import pytest

from tests.services.workout.diary import FIELDS, Diary, entered_json, over_grpc
from tests.support.rest import error_of

pytestmark = over_grpc


async def patch(rest: httpx2.AsyncClient, diary: Diary, **parts: Any) -> httpx2.Response:
    """Patch a new workout, which has FIELDS, and return the response."""
    workout = await diary.create()
    response = await rest.patch(f"/workouts/{workout.id}", headers=dict(diary.credentials), **parts)
    assert response.json().get("id", workout.id) == workout.id
    return response


class TestPatch:
    @pytest.mark.parametrize(
        ("body", "changed"),
        [
            ({"notes": None}, {"notes": ""}),
            ({"notes": None, "type": "Yoga"}, {"notes": "", "type": "Yoga"}),
            ({"colour": "red", "duration": 45}, {"duration": 45}),
            ({"colour": None, "nested": {"a": [1, None]}}, {}),
            ({"update_mask": "type", "id": "x"}, {}),
            ({"duration": "45"}, {"duration": 45}),
            ({"type": "  Yoga\t"}, {"type": "Yoga"}),
            ({}, {}),
        ],
    )
    async def test_changes_fields_of_body(
        self, diary: Diary, rest: httpx2.AsyncClient, body: dict[str, Any], changed: dict[str, Any]
    ) -> None:
        response = (await patch(rest, diary, json=body)).json()
        expected = {**FIELDS, **changed, "id": response["id"], "exercises": []}
        assert entered_json(response) == expected

    @pytest.mark.parametrize("name", ["date", "type", "duration"])
    async def test_rejects_null_for_required_field(
        self, diary: Diary, rest: httpx2.AsyncClient, name: str
    ) -> None:
        error = error_of(await patch(rest, diary, json={name: None}), 400)
        (violation,) = error["details"][1]["fieldViolations"]
        assert violation["field"] == f"patch.{name}"

    @pytest.mark.parametrize(
        "content",
        [
            b"{",
            b"[]",
            b"3",
            b'{"notes": NaN}',
            b'{"notes": 5}',
            b'{"notes": ["a"]}',
            b'{"notes": {"a": 1}}',
            # The parser quotes it.
            b'{"exercises": {"name": "%s"}}' % (b"a" * 100_000),
            b'{"duration": 1.5}',
            b'{"duration": true}',
            b'{"duration": 1e400}',
            b'{"duration": ' + b"9" * 5000 + b"}",
            b'{"type": "\xff"}',
            b'{"type": "\\ud800"}',
            b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        ],
        ids=lambda content: content[:20].decode("latin-1"),
    )
    async def test_rejects_malformed_body(
        self, diary: Diary, rest: httpx2.AsyncClient, content: bytes
    ) -> None:
        error = error_of(await patch(rest, diary, content=content), 400)
        assert error["details"][0]["reason"] == "MALFORMED_REQUEST"

    async def test_rejects_null_body(self, diary: Diary, rest: httpx2.AsyncClient) -> None:
        error_of(await patch(rest, diary, content=b"null"), 400)


class TestType:
    async def test_is_trimmed(self, diary: Diary) -> None:
        workout = await diary.create(type=" \t Running\u3000")
        assert workout.type == "Running"
        assert (await diary.all(type="running ")) == [workout]
        fields = {**FIELDS, "type": " Yoga "}
        assert (await diary.replace(workout.id, **fields)).type == "Yoga"

    @pytest.mark.parametrize("blank", [" ", "\t\n", "\u3000\u00a0"])
    async def test_rejects_white_space_only(
        self, diary: Diary, rest: httpx2.AsyncClient, blank: str
    ) -> None:
        headers = dict(diary.credentials)
        responses = [
            await rest.post("/workouts", json={**FIELDS, "type": blank}, headers=headers),
            await patch(rest, diary, json={"type": blank}),
        ]
        for response in responses:
            error_of(response, 400)


class TestQuery:
    @pytest.mark.parametrize("prefix", ["", "/v2"])
    async def test_rejects_unknown_parameter_of_write(
        self, diary: Diary, rest: httpx2.AsyncClient, prefix: str
    ) -> None:
        headers = dict(diary.credentials)
        file = b"date,type,duration\n2026-02-07,Run,30\n"
        path = f"{prefix}/workouts/import?dry-run=true"
        error = error_of(await rest.post(path, content=file, headers=headers), 400)
        assert error["message"] == "unknown query parameter 'dry-run': did you mean 'dry_run'?"
        info, bad_request = error["details"]
        assert info["reason"] == "UNKNOWN_PARAMETER"
        assert [each["field"] for each in bad_request["fieldViolations"]] == ["dry-run"]
        error_of(await rest.post(f"{prefix}/workouts?type=Run", json=FIELDS, headers=headers), 400)
        assert await diary.all() == []
        known = await rest.post(
            f"{prefix}/workouts/import?dryRun=true", content=file, headers=headers
        )
        assert known.json()["added"] == 1
        listed = await rest.get(f"{prefix}/workouts?dry-run=true&page=2", headers=headers)
        assert listed.json()["workouts"] == []


class TestHead:
    async def test_export_has_no_body(self, diary: Diary, rest: httpx2.AsyncClient) -> None:
        await diary.create()
        headers = dict(diary.credentials)
        response = await rest.head("/workouts/export", headers=headers)
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        assert (await rest.get("/workouts", headers=headers)).json()["workouts"]
