"""The exact JSON of each response, as clients in the field expect it."""

import base64
import re

import httpx2
import pytest

from tests.support.client import EVERY_BYTE, SOME_UUID
from tests.support.rest import (
    ACK_INBOX,
    CREATE_SHARED_ITEM,
    DELETE_EVENT,
    FUTURE,
    GET_EVENTS,
    GET_INBOX,
    GET_USERS,
    IV_TEXT,
    LEASE_INBOX,
    PUT_EVENT,
    PUT_FOLLOW_SECRET,
    PUT_INBOX,
    UUID_PATTERN,
    answered,
    new_user,
    owner,
)

pytestmark = pytest.mark.extended

# RFC 3339 in UTC with PostgreSQL's precision.
TIME_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}(\d{3})?)?Z")


@pytest.fixture(params=["", "/v2"], ids=["plain", "v2"])
def prefix(request: pytest.FixtureRequest) -> str:
    """The prefix of each path."""
    return str(request.param)


async def test_create_user(rest: httpx2.AsyncClient, prefix: str) -> None:
    response = (await rest.post(f"{prefix}/user/create", json={})).json()
    assert response.keys() == {"id", "lookup", "password"}
    assert UUID_PATTERN.fullmatch(response["id"])
    assert UUID_PATTERN.fullmatch(response["password"])
    assert len(response["lookup"]) == 12


async def test_user(rest: httpx2.AsyncClient, prefix: str) -> None:
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
    response = await rest.put(f"{prefix}/user", json={**me, **profile})
    assert (response.status_code, response.text) == (200, "{}")
    full = {**bare, **profile}
    assert (await rest.get(f"{prefix}/user/{user['lookup']}")).json() == full
    response = await rest.post(f"{prefix}/users", json={"ids": [user["id"].upper(), SOME_UUID]})
    assert response.json() == {"users": {user["id"]: full}}
    response = await rest.post(f"{prefix}/user/delete", json=me)
    assert (response.status_code, response.text) == (200, "{}")


async def test_prints_empty_optional_field_that_is_set(rest: httpx2.AsyncClient) -> None:
    user = await new_user(rest)
    await rest.put(
        "/user", json={"id": user["id"], "password": user["password"], "encryptedName": ""}
    )
    profile = (await rest.get(f"/user/{user['id']}")).json()
    assert profile["encryptedName"] == ""
    assert "encryptedCurrentPlan" not in profile


async def test_events(rest: httpx2.AsyncClient, prefix: str) -> None:
    user = await new_user(rest)
    entry = {"userId": user["id"], "followSecret": "secret"}
    assert await answered(rest, PUT_FOLLOW_SECRET, prefix, **owner(user)) == {}
    nothing = await answered(rest, GET_EVENTS, prefix, users=[entry])
    cursor = nothing["cursors"][user["id"]]
    assert nothing == {
        "events": [],
        "invalidFollowSecrets": [],
        "cursors": {user["id"]: cursor},
        "deleted": [],
        "resets": [],
    }
    assert await answered(rest, PUT_EVENT, prefix, **owner(user), eventId=SOME_UUID.upper()) == {}
    response = await answered(
        rest, GET_EVENTS, prefix, users=[{**entry, "userId": user["id"].upper()}]
    )
    timestamp = response["events"][0]["timestamp"]
    assert TIME_PATTERN.fullmatch(timestamp)
    assert response == {
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
        "cursors": response["cursors"],
        "deleted": [],
        "resets": [],
    }
    assert set(response["cursors"]) == {user["id"]}
    # The printed time is exact.
    newest = {**entry, "since": timestamp}
    nothing = await answered(rest, GET_EVENTS, prefix, users=[newest])
    assert (nothing["events"], nothing["cursors"]) == ([], {})
    by_cursor = [{**entry, "cursor": cursor}]
    assert len((await answered(rest, GET_EVENTS, prefix, users=by_cursor))["events"]) == 1
    gone = {**owner(user), "eventId": SOME_UUID}
    assert await answered(rest, DELETE_EVENT, prefix, **gone) == {}
    by_cursor = [{**entry, "cursor": response["cursors"][user["id"]]}]
    deleted = await answered(rest, GET_EVENTS, prefix, users=by_cursor)
    assert deleted["deleted"] == [{"userId": user["id"], "eventId": SOME_UUID}]
    delete = await rest.post(
        f"{prefix}/follow-secret/delete", json={**owner(user), "followSecret": "secret"}
    )
    assert (delete.status_code, delete.text) == (200, "{}")
    assert await answered(rest, GET_EVENTS, prefix, users=[entry]) == {
        "events": [],
        "invalidFollowSecrets": ["secret"],
        "cursors": {},
        "deleted": [],
        "resets": [],
    }


async def test_inboxes(rest: httpx2.AsyncClient, prefix: str) -> None:
    user = await new_user(rest)
    chunks = ["+//+", "", "Y2h1bms="]
    assert (
        await answered(rest, PUT_INBOX, prefix, toUserId=user["id"], encryptedMessage=chunks) == {}
    )
    response = await answered(rest, GET_INBOX, prefix, **owner(user))
    (message,) = response["inboxMessages"]
    assert UUID_PATTERN.fullmatch(message["id"])
    assert response == {"inboxMessages": [{"id": message["id"], "encryptedMessage": chunks}]}
    assert await answered(rest, GET_INBOX, prefix, **owner(user)) == {"inboxMessages": []}


async def test_inbox_leases(rest: httpx2.AsyncClient, prefix: str) -> None:
    user = await new_user(rest)
    chunks = ["+//+", "", "Y2h1bms="]
    assert await answered(rest, LEASE_INBOX, prefix, **owner(user)) == {"inboxMessages": []}
    await answered(rest, PUT_INBOX, prefix, toUserId=user["id"], encryptedMessage=chunks)
    response = await answered(rest, LEASE_INBOX, prefix, **owner(user))
    (message,) = response["inboxMessages"]
    assert UUID_PATTERN.fullmatch(message["id"])
    assert response == {
        "inboxMessages": [{"id": message["id"], "encryptedMessage": chunks, "deliveries": 1}]
    }
    assert await answered(rest, ACK_INBOX, prefix, **owner(user), ids=[message["id"]]) == {}


async def test_shared_items(rest: httpx2.AsyncClient, prefix: str) -> None:
    user = await new_user(rest)
    created = await answered(rest, CREATE_SHARED_ITEM, prefix, **owner(user))
    assert created.keys() == {"id"}
    item = (await rest.get(f"{prefix}/shareditem/{created['id']}")).json()
    assert item == {
        "rsaPublicKey": {"spkiPublicKeyBytes": ""},
        "encryptedPayload": {"encryptedPayload": "cGF5bG9hZA==", "iv": {"value": IV_TEXT}},
    }


async def test_empty_responses(rest: httpx2.AsyncClient, prefix: str) -> None:
    assert await answered(rest, GET_USERS, prefix) == {"users": {}}
    assert (await rest.get(f"{prefix}/health")).json() == {"status": "ok"}


async def test_head_of_health_has_no_body(rest: httpx2.AsyncClient, prefix: str) -> None:
    response = await rest.head(f"{prefix}/health")
    assert (response.status_code, response.content) == (200, b"")
