"""The JSON of REST, letter for letter: what apps send and expect that were never compiled here."""

import base64
import re
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from google.protobuf.descriptor import MethodDescriptor

from server.demo.binding import rules, verb_and_path
from tests.feed.client import EVERY_BYTE, SOME_UUID, contract_methods
from tests.feed.rest import (
    CREATE_SHARED_ITEM,
    ENDPOINTS,
    GET_EVENTS,
    GET_INBOX,
    GET_USER,
    GET_USERS,
    IV_TEXT,
    PUT_EVENT,
    PUT_FOLLOW_SECRET,
    PUT_INBOX,
    UPDATE_USER,
    Endpoint,
    Json,
    error_of,
)

UUID_PATTERN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# RFC 3339 in UTC, as precise as PostgreSQL.
TIME_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}(\d{3})?)?Z")


@pytest.fixture(params=["", "/v2"], ids=["plain", "v2"])
def prefix(request: pytest.FixtureRequest) -> str:
    """What stands before each path."""
    return str(request.param)


async def new_user(rest: httpx2.AsyncClient) -> dict[str, str]:
    """`id`, `lookup` and `password` of a new user."""
    user: dict[str, str] = (await rest.post("/user/create", json={})).json()
    return user


async def answered(
    rest: httpx2.AsyncClient, endpoint: Endpoint, prefix: str = "", **changes: Json
) -> Json:
    """The JSON that answers a call of `endpoint`, with `changes` in its body."""
    body = {**(endpoint.body or {}), **changes}
    response = await rest.request(endpoint.verb, prefix + endpoint.path, json=body)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json"), (
        response.text
    )
    return response.json()


def owner(user: dict[str, str]) -> dict[str, str]:
    """How `user` says who they are."""
    return {"userId": user["id"], "password": user["password"]}


# --- Each reply, literally ---


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
                "expiry": "2999-12-31T23:59:59Z",
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


# --- What requests may look like ---


async def test_names_may_be_spelt_as_in_the_proto(rest: httpx2.AsyncClient) -> None:
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
            "expiry": "2999-12-31T23:59:59Z",
        },
    )
    entry = {"user_id": user["id"], "follow_secret": "secret"}
    read = await rest.post("/events", json={"users": [entry]})
    assert (accepted.text, put.text) == ("{}", "{}")
    assert read.json()["events"][0]["encryptedEventIV"] == IV_TEXT


async def test_bytes_may_come_in_each_base64_and_leave_in_the_standard_one(
    rest: httpx2.AsyncClient,
) -> None:
    user = await new_user(rest)
    each = ["-__-", "+//+", "_w", "_w==", "/w", "/w==", ""]
    await answered(rest, PUT_INBOX, toUserId=user["id"], encryptedMessage=each)
    reply = await answered(rest, GET_INBOX, **owner(user))
    standard = ["+//+", "+//+", "/w==", "/w==", "/w==", "/w==", ""]
    assert reply["inboxMessages"][0]["encryptedMessage"] == standard


async def test_null_is_the_same_as_absent(rest: httpx2.AsyncClient) -> None:
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
    reply = await answered(rest, GET_EVENTS, users=[entry])
    assert reply["invalidFollowSecrets"] == ["secret"]


async def test_what_a_newer_client_adds_is_passed_over(rest: httpx2.AsyncClient) -> None:
    unknown: dict[str, Any] = {"new": {"a": [1, {"b": None}]}, "ünï": [[]], "x.y": True}
    assert await answered(rest, GET_USERS, **unknown) == {"users": {}}
    entry = {"userId": SOME_UUID, "followSecret": "secret", **unknown}
    reply = await answered(rest, GET_EVENTS, users=[entry])
    assert reply["invalidFollowSecrets"] == ["secret"]
    response = await rest.post("/users?new=1&a.b=c&flag&", json=GET_USERS.body)
    assert (response.status_code, response.json()) == (200, {"users": {}})
    response = await rest.get("/health?verbose=true&a[]=1")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_a_time_may_have_any_zone_and_precision(rest: httpx2.AsyncClient) -> None:
    user = await new_user(rest)
    await answered(rest, PUT_FOLLOW_SECRET, **owner(user))
    printed = {
        "2999-01-01T05:30:00+05:30": "2999-01-01T00:00:00Z",
        "2999-01-01T00:00:00-00:30": "2999-01-01T00:30:00Z",
        "2999-01-01T00:00:00.123456789Z": "2999-01-01T00:00:00.123456Z",
        "2999-01-01T00:00:00.1Z": "2999-01-01T00:00:00.100Z",
        "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999999Z": "9999-12-31T23:59:59.999999Z",
    }
    for expiry in printed:
        await answered(rest, PUT_EVENT, **owner(user), eventId=str(uuid4()), expiry=expiry)
    # An expiry in the year 1 is a time like any other, only long past.
    await answered(rest, PUT_EVENT, **owner(user), expiry="0001-01-01T00:00:00Z")
    entry = {"userId": user["id"], "followSecret": "secret", "since": "0001-01-01T00:00:00Z"}
    reply = await answered(rest, GET_EVENTS, users=[entry])
    assert [event["expiry"] for event in reply["events"]] == list(printed.values())


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json; charset=utf-8",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "???",
    ],
)
async def test_json_is_json_whatever_its_content_type_says(
    rest: httpx2.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    body = b'{"ids": ["%s"]}' % SOME_UUID.encode()
    response = await rest.post("/users", content=body, headers=headers)
    assert (response.status_code, response.json()) == (200, {"users": {}})


async def test_a_user_can_be_created_without_a_body(rest: httpx2.AsyncClient) -> None:
    response = await rest.post("/user/create")
    assert response.status_code == 200
    assert response.json().keys() == {"id", "lookup", "password"}


# --- Errors ---


async def test_a_broken_limit_is_400_and_names_the_field(rest: httpx2.AsyncClient) -> None:
    response = await rest.post("/users", json={"ids": [SOME_UUID, "x"]})
    message = "ids[1]: must be a valid UUID"
    assert error_of(response, 400) == {
        "code": 3,
        "message": message,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "INVALID_REQUEST",
                "domain": "gymlocker",
                "metadata": {},
            },
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": "ids[1]", "description": message, "reason": ""}],
            },
        ],
    }


async def test_a_message_names_the_field_as_json_does(rest: httpx2.AsyncClient) -> None:
    seventeen = base64.b64encode(bytes(17)).decode()
    body = {**(UPDATE_USER.body or {}), "encryptionIV": seventeen}
    error = error_of(await rest.put("/user", json=body), 400)
    assert error["message"].startswith("encryptionIV: ")
    (violation,) = error["details"][1]["fieldViolations"]
    assert violation["field"] == "encryption_iv"


async def test_an_unknown_user_is_404(rest: httpx2.AsyncClient) -> None:
    error = error_of(await rest.get(GET_USER.path), 404)
    assert (error["code"], error["details"][0]["reason"]) == (5, "USER_NOT_FOUND")


async def test_an_unknown_item_is_404(rest: httpx2.AsyncClient) -> None:
    error = error_of(await rest.get("/shareditem/nothing"), 404)
    assert (error["code"], error["details"][0]["reason"]) == (5, "SHARED_ITEM_NOT_FOUND")


async def test_a_wrong_password_is_401(rest: httpx2.AsyncClient) -> None:
    user = await new_user(rest)
    body = {"userId": user["id"], "password": "wrong"}
    error = error_of(await rest.post("/inbox", json=body), 401)
    assert (error["code"], error["details"][0]["reason"]) == (16, "WRONG_PASSWORD")
    body = CREATE_SHARED_ITEM.body or {}
    assert error_of(await rest.post("/shareditem", json=body), 401) == error


async def test_an_unknown_path_is_404(rest: httpx2.AsyncClient) -> None:
    error = error_of(await rest.get("/nothing/here"), 404)
    assert (error["code"], error["details"][0]["reason"]) == (5, "UNKNOWN_PATH")


# --- Request ids ---

PATHS = ["/health", GET_USER.path, "/user/%20/x", "/nothing/here"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("request_id", ["abc", SOME_UUID, "a.b:c/d+e=f-g_h", "x" * 128])
async def test_the_clients_request_id_comes_back_once(
    rest: httpx2.AsyncClient, path: str, request_id: str
) -> None:
    response = await rest.get(path, headers={"x-request-id": request_id})
    assert response.headers.get_list("x-request-id") == [request_id]


@pytest.mark.parametrize("path", PATHS)
async def test_a_call_without_a_request_id_gets_one_of_its_own(
    rest: httpx2.AsyncClient, path: str
) -> None:
    ids = [(await rest.get(path)).headers.get_list("x-request-id") for _ in range(2)]
    assert [len(one) for one in ids] == [1, 1]
    assert ids[0] != ids[1]
    assert all(UUID_PATTERN.fullmatch(request_id) for one in ids for request_id in one)


# --- All paths ---


# Tested as JSON elsewhere: in tests/auth and tests/workout.
OTHERS = {
    ("HEAD", "/health"),
    ("POST", "/ai/workout"),
    ("POST", "/ai/session"),
    ("POST", "/ai/chat"),
    ("GET", "/ai/quota"),
    ("POST", "/auth/register"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("GET", "/auth/me"),
    ("POST", "/auth/change-password"),
    ("POST", "/auth/claim-username"),
    ("POST", "/workouts"),
    ("GET", "/workouts"),
    ("GET", "/workouts/x"),
    ("PUT", "/workouts/x"),
    ("PATCH", "/workouts/x"),
    ("DELETE", "/workouts/x"),
    ("GET", "/workouts/stats"),
    ("GET", "/workouts/export"),
    ("POST", "/workouts/import"),
}


def bindings() -> list[tuple[str, str]]:
    """Every verb and path of the contract, its variables filled in."""
    return [
        (verb, re.sub(r"\{[^}]*\}", "x", path))
        for method in contract_methods()
        for verb, path in map(verb_and_path, rules(method))
    ]


def test_the_contract_has_exactly_the_paths_that_are_tested_here() -> None:
    tested = {(endpoint.verb, endpoint.path) for endpoint in ENDPOINTS} | OTHERS
    tested = {(verb, re.sub(f"{SOME_UUID}|nothing", "x", path)) for verb, path in tested}
    versioned = {(verb, f"/v2{path}") for verb, path in tested}
    assert sorted(bindings()) == sorted(tested | versioned)


@pytest.mark.parametrize("method", contract_methods(), ids=lambda method: method.name)
def test_every_method_has_each_of_its_paths_with_and_without_v2(method: MethodDescriptor) -> None:
    paths = {verb_and_path(rule) for rule in rules(method)}
    plain = {(verb, path) for verb, path in paths if not path.startswith("/v2/")}
    # JSON knows no streams in both directions.
    assert plain or (method.client_streaming and method.server_streaming)
    assert paths - plain == {(verb, f"/v2{path}") for verb, path in plain}


@pytest.mark.parametrize(("verb", "path"), bindings())
async def test_every_path_of_the_contract_is_served(
    rest: httpx2.AsyncClient, verb: str, path: str
) -> None:
    response = await rest.request(verb, path, json=None if verb in ("GET", "HEAD") else {})
    if verb == "HEAD":
        assert response.status_code == 200
    elif response.status_code != 200:
        error = error_of(response, response.status_code)
        assert error["details"][0]["reason"] in {
            "INVALID_REQUEST",
            "ACCESS_TOKEN_MISSING",
            "PURCHASE_TOKEN_MISSING",
            "USER_NOT_FOUND",
            "SHARED_ITEM_NOT_FOUND",
        }
