"""REST as the contract says it: JSON in and out, errors, request ids, CORS, compression, sizes."""

import base64
import json
from collections.abc import Iterator
from uuid import UUID

import httpx2
import pytest

from .assertions import ERROR_INFO
from .processes import FrontDoor, front_door

ORIGIN = {"origin": "https://app.example"}


def test_a_reply_has_defaults_but_no_unset_optionals(client: httpx2.Client) -> None:
    reply = client.get("/user/abc")
    assert reply.status_code == 200
    expected = {"id": "abc", "lookup": "abc", "encryptionIV": "", "rsaPublicKey": ""}
    assert reply.json() == expected
    assert client.get("/v2/user/abc").json() == expected


def test_empty_lists_and_maps_are_printed(client: httpx2.Client) -> None:
    assert client.post("/events", json={}).json() == {"events": [], "invalidFollowSecrets": []}
    assert client.post("/users", json={}).json() == {"users": {}}


@pytest.mark.parametrize("spelling", ["userId", "user_id"])
def test_both_spellings_are_read_and_unknown_fields_ignored(
    client: httpx2.Client, spelling: str
) -> None:
    body = {"users": [{spelling: "u", "unknown": {"a": [1]}}], "more": None}
    reply = client.post("/events?unknown=1&users.unknown=2", json=body)
    assert reply.json() == {"events": [], "invalidFollowSecrets": ["u"]}


def test_head_of_health_is_answered_without_a_body(client: httpx2.Client) -> None:
    for path in ("/health", "/v2/health"):
        assert client.get(path).json() == {"status": "ok"}
        reply = client.head(path)
        assert (reply.status_code, reply.content) == (200, b"")


def test_an_error_of_a_worker_keeps_its_details(client: httpx2.Client) -> None:
    reply = client.get("/user/fail:RESOURCE_EXHAUSTED")
    assert reply.status_code == 429
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["retry-after"] == "7"
    info = {"reason": "AS_TOLD", "domain": "gymlocker", "metadata": {"a": "b"}}
    details = [{"@type": ERROR_INFO, **info}]
    assert reply.json() == {"code": 8, "message": "As you say.", "details": details}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INVALID_ARGUMENT", 400),
        ("UNAUTHENTICATED", 401),
        ("NOT_FOUND", 404),
        ("ALREADY_EXISTS", 409),
        ("INTERNAL", 500),
        ("UNAVAILABLE", 503),
    ],
)
def test_codes_become_the_statuses_of_the_contract(
    client: httpx2.Client, code: str, status: int
) -> None:
    reply = client.get(f"/user/fail:{code}")
    assert reply.status_code == status
    assert reply.json()["details"][0]["reason"] == "AS_TOLD"


def test_a_request_id_is_made_or_kept_and_reaches_the_worker(client: httpx2.Client) -> None:
    made = client.get("/user/metadata:")
    assert UUID(made.headers["x-request-id"])
    assert json.loads(made.json()["lookup"])["x-request-id"] == made.headers["x-request-id"]
    for own in ("mine", "7b1cbf0e-7d1a-4c5b-9d5a-2f0d7d1a4c5b"):
        kept = client.get("/user/metadata:", headers={"x-request-id": own})
        assert kept.headers.get_list("x-request-id") == [own]
        assert json.loads(kept.json()["lookup"])["x-request-id"] == own


def test_there_is_one_request_id_though_the_worker_sends_one(client: httpx2.Client) -> None:
    reply = client.get("/user/identify:", headers={"x-request-id": "mine"})
    assert reply.json()["lookup"] == "identified"
    assert reply.headers.get_list("x-request-id") == ["mine"]


def test_errors_of_envoy_keep_the_request_id(client: httpx2.Client) -> None:
    reply = client.get("/nowhere", headers={"x-request-id": "mine"})
    assert reply.headers.get_list("x-request-id") == ["mine"]


def test_a_worker_takes_no_orders_from_a_caller_and_believes_them_no_address(
    client: httpx2.Client,
) -> None:
    orders = {
        "x-envoy-max-retries": "9",
        "x-envoy-original-path": "/x",
        "x-forwarded-for": "1.2.3.4",
        "x-client-address": "1.2.3.4",
    }
    metadata = json.loads(client.get("/user/metadata:", headers=orders).json()["lookup"])
    assert "1.2.3.4" not in str(metadata)
    # By this alone, so that wrong passwords can be counted.
    assert [name for name, value in metadata.items() if "127.0.0.1" in value] == [
        "x-client-address"
    ]
    assert "x-envoy-max-retries" not in metadata
    assert metadata["x-envoy-original-path"] != "/x"


@pytest.fixture(scope="module")
def behind_a_proxy() -> Iterator[FrontDoor]:
    """Envoy behind a proxy, such as one for TLS."""
    with front_door(trusted_proxies=1) as door:
        yield door


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ("203.0.113.9", "203.0.113.9"),
        # The proxy adds what it saw to what the caller claims.
        ("198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("nonsense", "127.0.0.1"),
        # Some proxies write the port behind it.
        ("203.0.113.9:5678", "203.0.113.9"),
        ("198.51.100.7:1234, 203.0.113.9:5678", "203.0.113.9"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("198.51.100.7,[2001:db8::7]", "2001:db8::7"),
        ("203.0.113.9:port", "127.0.0.1"),
    ],
)
def test_a_proxy_in_front_is_believed_if_it_is_told_to(
    behind_a_proxy: FrontDoor, said: str, believed: str
) -> None:
    reply = behind_a_proxy.client.get("/user/metadata:", headers={"x-forwarded-for": said})
    metadata = json.loads(reply.json()["lookup"])
    assert metadata["x-client-address"] == believed
    assert "x-forwarded-for" not in metadata


def test_of_two_proxies_the_farther_one_says_who_calls() -> None:
    said = {
        "198.51.100.7, 203.0.113.9:5678, 192.0.2.1:80": "203.0.113.9",
        "203.0.113.9, 192.0.2.1:80": "203.0.113.9",
        "[2001:db8::7]:443,[2001:db8::1]:80": "2001:db8::7",
    }
    with front_door(trusted_proxies=2) as door:
        for header, believed in said.items():
            reply = door.client.get("/user/metadata:", headers={"x-forwarded-for": header})
            metadata = json.loads(reply.json()["lookup"])
            assert metadata["x-client-address"] == believed


def test_replies_tell_nothing_about_the_inside(client: httpx2.Client) -> None:
    for path in ("/user/abc", "/user/fail:INTERNAL", "/nowhere"):
        names = set(client.get(path).headers)
        assert "server" not in names
        assert not [name for name in names if name.startswith("x-envoy")]


@pytest.mark.parametrize("path", ["/user", "/v2/user", "/ai-chat/negotiate", "/ai-chat-v2"])
@pytest.mark.parametrize(
    "wanted",
    [
        "authorization",
        "x-api-key, x-liftlog-probe, traceparent, tracestate, baggage, sentry-trace, x-anything",
        "authorization,content-type,x-grpc-web,x-user-agent,grpc-timeout,x-request-id",
    ],
)
def test_a_preflight_permits_whatever_headers_are_asked_for(
    client: httpx2.Client, path: str, wanted: str
) -> None:
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": wanted}
    reply = client.options(path, headers=ORIGIN | asked)
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert reply.headers.get_list("access-control-allow-headers") == [wanted]
    assert int(reply.headers["access-control-max-age"]) > 0


def test_a_preflight_permits_all_methods(client: httpx2.Client) -> None:
    reply = client.options("/user", headers=ORIGIN | {"access-control-request-method": "PUT"})
    methods = reply.headers["access-control-allow-methods"].split(", ")
    assert set(methods) == {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


def test_browsers_may_read_replies_and_errors(client: httpx2.Client) -> None:
    wanted = {"grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after"}
    wanted |= {"content-disposition", "x-quota-limit", "x-quota-remaining", "x-quota-reset"}
    for path in ("/user/abc", "/user/fail:NOT_FOUND", "/nowhere"):
        headers = client.get(path, headers=ORIGIN).headers
        assert headers["access-control-allow-origin"] == ORIGIN["origin"]
        # Who keeps it, keeps it for that origin.
        assert "origin" in headers["vary"]
        exposed = set(headers["access-control-expose-headers"].split(", "))
        assert exposed == wanted | {"x-request-id"}


def test_only_listed_origins_may_call() -> None:
    origins = "https://app.example,http://localhost:3000"
    with front_door(cors_origins=origins, started=False) as door:
        asked = {"access-control-request-method": "PUT"}
        for origin, may in [
            ("https://app.example", True),
            ("http://localhost:3000", True),
            ("https://app.example.evil", False),
            ("https://evil.example", False),
        ]:
            for method in ("OPTIONS", "GET"):
                headers = {"origin": origin} | (asked if method == "OPTIONS" else {})
                reply = door.client.request(method, "/user/abc", headers=headers)
                assert reply.headers.get("access-control-allow-origin") == (origin if may else None)


def test_json_is_compressed_for_those_who_ask(client: httpx2.Client) -> None:
    body = {"users": [{"userId": "u" * 100}] * 50}
    zipped = client.post("/events", json=body, headers={"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    plain = client.post("/events", json=body, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert zipped.json() == plain.json()
    assert int(zipped.headers.get("content-length", 0)) < len(plain.content)


def test_a_profile_at_its_limits_is_taken(client: httpx2.Client) -> None:
    sizes = {
        "encryptedProfilePicture": 2048000,
        "encryptedCurrentPlan": 15360,
        "encryptedName": 2048,
        "rsaPublicKey": 4096,
    }
    body = {name: base64.b64encode(bytes(size)).decode() for name, size in sizes.items()}
    assert client.put("/user", json={"id": "u"} | body).json() == {}


def test_a_reply_of_64_mebibytes_arrives(client: httpx2.Client) -> None:
    reply = client.post(
        "/users", json={"ids": ["2097152"] * 32}, headers={"accept-encoding": "identity"}
    )
    assert reply.status_code == 200
    assert len(reply.content) > 64 * 1024 * 1024 * 4 // 3
    assert reply.content.endswith(b"}}}")


def test_a_header_that_grpc_cannot_carry_is_left_out(client: httpx2.Client) -> None:
    headers = {f"a{sign}b": "c" for sign in "!#$%&'*+^`|~."}
    assert client.get("/user/abc", headers=headers).json()["id"] == "abc"
