"""The forms of JSON requests that clients in the field send."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.support.client import SOME_UUID
from tests.support.rest import (
    FUTURE,
    GET_EVENTS,
    GET_INBOX,
    GET_USERS,
    IV_TEXT,
    PUT_EVENT,
    PUT_FOLLOW_SECRET,
    PUT_INBOX,
    UPDATE_USER,
    YEAR,
    answered,
    new_user,
    owner,
)

pytestmark = pytest.mark.extended


async def test_accepts_names_as_in_proto(rest: httpx2.AsyncClient) -> None:
    user = await new_user(rest)
    me = {"user_id": user["id"], "password": user["password"]}
    accepted = await rest.put("/follow-secret", json={**me, "follow_secret": "secret"})
    put = await rest.put(
        "/event",
        json={
            **me,
            "event_id": SOME_UUID,
            "encrypted_event_payload": "eA==",
            "encrypted_event_iv": IV_TEXT,
            "expiry": FUTURE,
        },
    )
    entry = {"user_id": user["id"], "follow_secret": "secret"}
    read = await rest.post("/events", json={"users": [entry]})
    assert (accepted.text, put.text) == ("{}", "{}")
    assert read.json()["events"][0]["encryptedEventIV"] == IV_TEXT


async def test_accepts_every_base64_and_returns_standard_base64(
    rest: httpx2.AsyncClient,
) -> None:
    user = await new_user(rest)
    each = ["-__-", "+//+", "_w", "_w==", "/w", "/w==", ""]
    await answered(rest, PUT_INBOX, toUserId=user["id"], encryptedMessage=each)
    response = await answered(rest, GET_INBOX, **owner(user))
    standard = ["+//+", "+//+", "/w==", "/w==", "/w==", "/w==", ""]
    assert response["inboxMessages"][0]["encryptedMessage"] == standard


async def test_null_is_same_as_absent(rest: httpx2.AsyncClient) -> None:
    user = await new_user(rest)
    me = {"id": user["id"], "password": user["password"]}
    await answered(rest, UPDATE_USER, **me)
    nothing = dict.fromkeys((UPDATE_USER.body or {}).keys() - me.keys())
    await rest.put("/user", json={**me, **nothing})
    assert (await rest.get(f"/user/{user['id']}")).json() == {
        "id": user["id"],
        "lookup": user["lookup"],
        "encryptionIV": "",
        "rsaPublicKey": "",
    }
    entry = {"userId": SOME_UUID, "followSecret": "secret", "since": None}
    response = await answered(rest, GET_EVENTS, users=[entry])
    assert response["invalidFollowSecrets"] == ["secret"]


async def test_ignores_unknown_fields_and_parameters(rest: httpx2.AsyncClient) -> None:
    unknown: dict[str, Any] = {"new": {"a": [1, {"b": None}]}, "ünï": [[]], "x.y": True}
    assert await answered(rest, GET_USERS, **unknown) == {"users": {}}
    entry = {"userId": SOME_UUID, "followSecret": "secret", **unknown}
    body = await answered(rest, GET_EVENTS, users=[entry])
    assert body["invalidFollowSecrets"] == ["secret"]
    response = await rest.post("/users?new=1&a.b=c&flag&", json=GET_USERS.body)
    assert (response.status_code, response.json()) == (200, {"users": {}})
    response = await rest.get("/health?verbose=true&a[]=1")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_accepts_times_of_any_zone_and_precision(rest: httpx2.AsyncClient) -> None:
    user = await new_user(rest)
    await answered(rest, PUT_FOLLOW_SECRET, **owner(user))
    printed = {
        f"{YEAR}-01-01T05:30:00+05:30": f"{YEAR}-01-01T00:00:00Z",
        f"{YEAR}-01-01T00:00:00-00:30": f"{YEAR}-01-01T00:30:00Z",
        f"{YEAR}-01-01T00:00:00.123456789Z": f"{YEAR}-01-01T00:00:00.123456Z",
        f"{YEAR}-01-01T00:00:00.1Z": f"{YEAR}-01-01T00:00:00.100Z",
        f"{YEAR}-12-31T23:59:59.999999Z": f"{YEAR}-12-31T23:59:59.999999Z",
        f"{YEAR}-12-31T23:59:59.999999999Z": f"{YEAR}-12-31T23:59:59.999999Z",
    }
    for expiry in printed:
        await answered(rest, PUT_EVENT, **owner(user), eventId=str(uuid4()), expiry=expiry)
    # An expiry in the year 1 is valid and in the past.
    await answered(rest, PUT_EVENT, **owner(user), expiry="0001-01-01T00:00:00Z")
    entry = {"userId": user["id"], "followSecret": "secret", "since": "0001-01-01T00:00:00Z"}
    response = await answered(rest, GET_EVENTS, users=[entry])
    assert [event["expiry"] for event in response["events"]] == list(printed.values())


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json; charset=utf-8",
        "text/json",
        "application/vnd.api+json",
        "application/x-www-form-urlencoded",
    ],
)
async def test_accepts_content_types_of_json(
    rest: httpx2.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    body = b'{"ids": ["%s"]}' % SOME_UUID.encode()
    response = await rest.post("/users", content=body, headers=headers)
    assert (response.status_code, response.json()) == (200, {"users": {}})


async def test_creates_user_without_body(rest: httpx2.AsyncClient) -> None:
    response = await rest.post("/user/create")
    assert response.status_code == 200
    assert response.json().keys() == {"id", "lookup", "password"}
