"""The JSON of each reply, letter for letter: what apps expect that were never compiled here."""

import base64
import re

import httpx2
import pytest

from tests.support.client import EVERY_BYTE, SOME_UUID
from tests.support.rest import (
    CREATE_SHARED_ITEM,
    FUTURE,
    GET_EVENTS,
    GET_INBOX,
    GET_USERS,
    IV_TEXT,
    PUT_EVENT,
    PUT_FOLLOW_SECRET,
    PUT_INBOX,
    UUID_PATTERN,
    answered,
    new_user,
    owner,
)

# RFC 3339 in UTC, as precise as PostgreSQL.
TIME_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}(\d{3})?)?Z")


@pytest.fixture(params=["", "/v2"], ids=["plain", "v2"])
def prefix(request: pytest.FixtureRequest) -> str:
    """What stands before each path."""
    return str(request.param)


async def test_the_reply_of_create_user(rest: httpx2.AsyncClient, prefix: str) -> None:
    reply = (await rest.post(f"{prefix}/user/create", json={})).json()
    assert reply.keys() == {"id", "lookup", "password"}
    assert UUID_PATTERN.fullmatch(reply["id"])
    assert UUID_PATTERN.fullmatch(reply["password"])
    assert len(reply["lookup"]) == 12


async def test_the_replies_about_a_user(rest: httpx2.AsyncClient, prefix: str) -> None:
    user = await new_user(rest)
    bare = {"id": user["id"], "lookup": user["lookup"], "encryptionIV": "", "rsaPublicKey": ""}
    profile = {
        "encryptedCurrentPlan": "+//+",
        "encryptedProfilePicture": base64.b64encode(EVERY_BYTE).decode(),
        "encryptedName": "bmFtZQ==",
        "encryptionIV": IV_TEXT,
        "rsaPublicKey": "a2V5",
    }
    assert (await rest.get(f"{prefix}/user/{user['id']}")).json() == bare
    me = {"id": user["id"], "password": user["password"]}
    reply = await rest.put(f"{prefix}/user", json={**me, **profile})
    assert (reply.status_code, reply.text) == (200, "{}")
    full = {**bare, **profile}
    assert (await rest.get(f"{prefix}/user/{user['lookup']}")).json() == full
    reply = await rest.post(f"{prefix}/users", json={"ids": [user["id"].upper(), SOME_UUID]})
    assert reply.json() == {"users": {user["id"]: full}}
    reply = await rest.post(f"{prefix}/user/delete", json=me)
    assert (reply.status_code, reply.text) == (200, "{}")


async def test_an_optional_field_that_is_set_but_empty_is_there(rest: httpx2.AsyncClient) -> None:
    user = await new_user(rest)
    await rest.put(
        "/user", json={"id": user["id"], "password": user["password"], "encryptedName": ""}
    )
    profile = (await rest.get(f"/user/{user['id']}")).json()
    assert profile["encryptedName"] == ""
    assert "encryptedCurrentPlan" not in profile


async def test_the_replies_about_events(rest: httpx2.AsyncClient, prefix: str) -> None:
    user = await new_user(rest)
    entry = {"userId": user["id"], "followSecret": "secret"}
    assert await answered(rest, PUT_FOLLOW_SECRET, prefix, **owner(user)) == {}
    assert await answered(rest, GET_EVENTS, prefix, users=[entry]) == {
        "events": [],
        "invalidFollowSecrets": [],
    }
    assert await answered(rest, PUT_EVENT, prefix, **owner(user), eventId=SOME_UUID.upper()) == {}
    reply = await answered(
        rest, GET_EVENTS, prefix, users=[{**entry, "userId": user["id"].upper()}]
    )
    timestamp = reply["events"][0]["timestamp"]
    assert TIME_PATTERN.fullmatch(timestamp)
    assert reply == {
        "events": [
            {
                "userId": user["id"],
                "eventId": SOME_UUID,
                "timestamp": timestamp,
                "encryptedEventPayload": "cGF5bG9hZA==",
                "encryptedEventIV": IV_TEXT,
                "expiry": FUTURE,
            }
        ],
        "invalidFollowSecrets": [],
    }
    # The time as it was printed is the time that was meant.
    assert await answered(rest, GET_EVENTS, prefix, users=[{**entry, "since": timestamp}]) == {
        "events": [],
        "invalidFollowSecrets": [],
    }
    delete = await rest.post(
        f"{prefix}/follow-secret/delete", json={**owner(user), "followSecret": "secret"}
    )
    assert (delete.status_code, delete.text) == (200, "{}")
    assert await answered(rest, GET_EVENTS, prefix, users=[entry]) == {
        "events": [],
        "invalidFollowSecrets": ["secret"],
    }


async def test_the_replies_about_inboxes(rest: httpx2.AsyncClient, prefix: str) -> None:
    user = await new_user(rest)
    chunks = ["+//+", "", "Y2h1bms="]
    assert (
        await answered(rest, PUT_INBOX, prefix, toUserId=user["id"], encryptedMessage=chunks) == {}
    )
    reply = await answered(rest, GET_INBOX, prefix, **owner(user))
    (message,) = reply["inboxMessages"]
    assert UUID_PATTERN.fullmatch(message["id"])
    assert reply == {"inboxMessages": [{"id": message["id"], "encryptedMessage": chunks}]}
    assert await answered(rest, GET_INBOX, prefix, **owner(user)) == {"inboxMessages": []}


async def test_the_replies_about_shared_items(rest: httpx2.AsyncClient, prefix: str) -> None:
    user = await new_user(rest)
    created = await answered(rest, CREATE_SHARED_ITEM, prefix, **owner(user))
    assert created.keys() == {"id"}
    item = (await rest.get(f"{prefix}/shareditem/{created['id']}")).json()
    assert item == {
        "rsaPublicKey": {"spkiPublicKeyBytes": ""},
        "encryptedPayload": {"encryptedPayload": "cGF5bG9hZA==", "iv": {"value": IV_TEXT}},
    }


async def test_the_replies_that_are_empty(rest: httpx2.AsyncClient, prefix: str) -> None:
    assert await answered(rest, GET_USERS, prefix) == {"users": {}}
    assert (await rest.get(f"{prefix}/health")).json() == {"status": "ok"}


async def test_health_answers_head_without_a_body(rest: httpx2.AsyncClient, prefix: str) -> None:
    response = await rest.head(f"{prefix}/health")
    assert (response.status_code, response.content) == (200, b"")
