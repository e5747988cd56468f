"""The contract's REST calls, written by hand for tests of JSON.

Nothing is derived from the protos, so that the tests detect differences.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import httpx2

from tests.support.client import SOME_UUID

Json: TypeAlias = Any

# The server limits an expiry to ten years from now.
YEAR = datetime.now(UTC).year + 5
FUTURE = f"{YEAR}-12-31T23:59:59Z"
IV_TEXT = "AAECAwQFBgcICQoLDA0ODw=="
UUID_PATTERN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Endpoint:
    """A verb, a path without `/v2`, and a valid body for an unknown user; None for no body."""

    verb: str
    path: str
    body: dict[str, Json] | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


CREDENTIALS = {"userId": SOME_UUID, "password": "password"}
CREATE_USER = Endpoint("POST", "/user/create", {})
GET_USER = Endpoint("GET", f"/user/{SOME_UUID}")
UPDATE_USER = Endpoint(
    "PUT",
    "/user",
    {
        "id": SOME_UUID,
        "password": "password",
        "encryptedCurrentPlan": "cGxhbg==",
        "encryptedProfilePicture": "cGljdHVyZQ==",
        "encryptedName": "bmFtZQ==",
        "encryptionIV": IV_TEXT,
        "rsaPublicKey": "a2V5",
    },
)
DELETE_USER = Endpoint("POST", "/user/delete", {"id": SOME_UUID, "password": "password"})
GET_USERS = Endpoint("POST", "/users", {"ids": [SOME_UUID]})
PUT_EVENT = Endpoint(
    "PUT",
    "/event",
    {
        **CREDENTIALS,
        "eventId": SOME_UUID,
        "encryptedEventPayload": "cGF5bG9hZA==",
        "encryptedEventIV": IV_TEXT,
        "expiry": FUTURE,
    },
)
DELETE_EVENT = Endpoint("POST", "/event/delete", {**CREDENTIALS, "eventId": SOME_UUID})
GET_EVENTS = Endpoint(
    "POST",
    "/events",
    {"users": [{"userId": SOME_UUID, "followSecret": "secret", "since": "2020-01-01T00:00:00Z"}]},
)
WATCH_EVENTS = Endpoint(
    "POST",
    "/events/watch",
    {"users": [{"userId": SOME_UUID, "followSecret": "secret", "since": "2020-01-01T00:00:00Z"}]},
)
PUT_FOLLOW_SECRET = Endpoint("PUT", "/follow-secret", {**CREDENTIALS, "followSecret": "secret"})
DELETE_FOLLOW_SECRET = Endpoint(
    "POST", "/follow-secret/delete", {**CREDENTIALS, "followSecret": "secret"}
)
PUT_INBOX = Endpoint("PUT", "/inbox", {"toUserId": SOME_UUID, "encryptedMessage": ["Y2h1bms="]})
GET_INBOX = Endpoint("POST", "/inbox", CREDENTIALS)
LEASE_INBOX = Endpoint(
    "POST", "/inbox/lease", {**CREDENTIALS, "leaseSeconds": 60, "maxMessages": 10}
)
ACK_INBOX = Endpoint("POST", "/inbox/ack", {**CREDENTIALS, "ids": [SOME_UUID]})
WATCH_INBOX = Endpoint("POST", "/inbox/watch", CREDENTIALS)
CREATE_SHARED_ITEM = Endpoint(
    "POST",
    "/shareditem",
    {
        **CREDENTIALS,
        "encryptedPayload": {"encryptedPayload": "cGF5bG9hZA==", "iv": {"value": IV_TEXT}},
        "expiry": FUTURE,
    },
)
GET_SHARED_ITEM = Endpoint("GET", "/shareditem/nothing")
HEALTH = Endpoint("GET", "/health")

ENDPOINTS = [
    CREATE_USER,
    GET_USER,
    UPDATE_USER,
    DELETE_USER,
    GET_USERS,
    PUT_EVENT,
    DELETE_EVENT,
    GET_EVENTS,
    WATCH_EVENTS,
    PUT_FOLLOW_SECRET,
    DELETE_FOLLOW_SECRET,
    PUT_INBOX,
    GET_INBOX,
    LEASE_INBOX,
    ACK_INBOX,
    WATCH_INBOX,
    CREATE_SHARED_ITEM,
    GET_SHARED_ITEM,
    HEALTH,
]
WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.body is not None]


def error_of(response: httpx2.Response, status: int) -> dict[str, Json]:
    """Return the body of an error after checking the form that all errors have."""
    assert response.status_code == status, response.text
    assert response.headers.get_list("content-type") == ["application/json"]
    assert len(response.headers.get_list("x-request-id")) == 1
    body: dict[str, Json] = response.json()
    assert body.keys() == {"code", "message", "details"}, body
    assert isinstance(body["code"], int)
    assert isinstance(body["message"], str) and body["message"]
    info = body["details"][0]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo", body
    assert info["domain"] == "gymlocker"
    assert info["reason"].isupper()
    return body


async def new_user(rest: httpx2.AsyncClient) -> dict[str, str]:
    """Create a user; return `id`, `lookup` and `password`."""
    user: dict[str, str] = (await rest.post("/user/create", json={})).json()
    return user


async def answered(
    rest: httpx2.AsyncClient, endpoint: Endpoint, prefix: str = "", **changes: Json
) -> Json:
    """Call `endpoint` with `changes` in its body; return the JSON of the response."""
    body = {**(endpoint.body or {}), **changes}
    response = await rest.request(endpoint.verb, prefix + endpoint.path, json=body)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json"), (
        response.text
    )
    return response.json()


def owner(user: dict[str, str]) -> dict[str, str]:
    """Return the credentials of `user` for a request."""
    return {"userId": user["id"], "password": user["password"]}
