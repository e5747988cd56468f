"""REST at the front door: JSON, errors, request ids, CORS, compression and sizes."""

import base64
import json
from collections.abc import Iterator
from uuid import UUID

import httpx2
import pytest

from .assertions import ERROR_INFO
from .processes import FrontDoor, front_door

ORIGIN = {"origin": "https://app.example"}


def test_prints_defaults_but_no_unset_optionals(client: httpx2.Client) -> None:
    response = client.get("/user/abc")
    assert response.status_code == 200
    expected = {"id": "abc", "lookup": "abc", "encryptionIV": "", "rsaPublicKey": ""}
    assert response.json() == expected
    assert client.get("/v2/user/abc").json() == expected


def test_prints_empty_lists_and_maps(client: httpx2.Client) -> None:
    assert client.post("/events", json={}).json() == {
        "events": [],
        "invalidFollowSecrets": [],
        "cursors": {},
        "deleted": [],
        "resets": [],
    }
    assert client.post("/users", json={}).json() == {"users": {}}


@pytest.mark.parametrize("spelling", ["userId", "user_id"])
def test_accepts_both_spellings_and_ignores_unknown_fields(
    client: httpx2.Client, spelling: str
) -> None:
    body = {"users": [{spelling: "u", "unknown": {"a": [1]}}], "more": None}
    response = client.post("/events?unknown=1&users.unknown=2", json=body)
    assert response.json()["invalidFollowSecrets"] == ["u"]


def test_head_of_health_has_no_body(client: httpx2.Client) -> None:
    for path in ("/health", "/v2/health"):
        assert client.get(path).json() == {"status": "ok"}
        response = client.head(path)
        assert (response.status_code, response.content) == (200, b"")


def test_error_of_worker_keeps_details(client: httpx2.Client) -> None:
    response = client.get("/user/fail:RESOURCE_EXHAUSTED")
    assert response.status_code == 429
    assert response.headers["content-type"] == "application/json"
    assert response.headers["retry-after"] == "7"
    info = {"reason": "AS_TOLD", "domain": "gymlocker", "metadata": {"a": "b"}}
    details = [{"@type": ERROR_INFO, **info}]
    assert response.json() == {"code": 8, "message": "As you say.", "details": details}


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
def test_codes_become_statuses_of_contract(client: httpx2.Client, code: str, status: int) -> None:
    response = client.get(f"/user/fail:{code}")
    assert response.status_code == status
    assert response.json()["details"][0]["reason"] == "AS_TOLD"


def test_request_id_is_generated_or_kept_and_reaches_worker(client: httpx2.Client) -> None:
    made = client.get("/user/metadata:")
    assert UUID(made.headers["x-request-id"])
    assert json.loads(made.json()["lookup"])["x-request-id"] == made.headers["x-request-id"]
    for own in ("mine", "7b1cbf0e-7d1a-4c5b-9d5a-2f0d7d1a4c5b"):
        kept = client.get("/user/metadata:", headers={"x-request-id": own})
        assert kept.headers.get_list("x-request-id") == [own]
        assert json.loads(kept.json()["lookup"])["x-request-id"] == own


def test_returns_single_request_id_when_worker_sends_one(client: httpx2.Client) -> None:
    response = client.get("/user/identify:", headers={"x-request-id": "mine"})
    assert response.json()["lookup"] == "identified"
    assert response.headers.get_list("x-request-id") == ["mine"]


def test_errors_of_envoy_keep_request_id(client: httpx2.Client) -> None:
    response = client.get("/nowhere", headers={"x-request-id": "mine"})
    assert response.headers.get_list("x-request-id") == ["mine"]


def test_removes_control_and_address_headers_of_client(
    client: httpx2.Client,
) -> None:
    orders = {
        "x-envoy-max-retries": "9",
        "x-envoy-original-path": "/x",
        "x-forwarded-for": "1.2.3.4",
        "x-client-address": "1.2.3.4",
        "x-direct-peer": "1.2.3.4",
        "x-cluster": "nowhere",
    }
    metadata = json.loads(client.get("/user/metadata:", headers=orders).json()["lookup"])
    assert "1.2.3.4" not in str(metadata)
    # Only in these headers, by which failed logins are counted and forwarded names are trusted.
    assert {name for name, value in metadata.items() if "127.0.0.1" in value} == {
        "x-client-address",
        "x-direct-peer",
    }
    assert not {"x-envoy-max-retries", "x-cluster", "x-health-cluster"} & set(metadata)
    assert metadata["x-envoy-original-path"] != "/x"


@pytest.fixture(scope="module")
def behind_a_proxy() -> Iterator[FrontDoor]:
    """Envoy behind a trusted proxy."""
    with front_door(trusted_proxies=1) as door:
        yield door


@pytest.mark.parametrize(
    ("forwarded_for", "trusted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        # The proxy appends the address to the client's own claim.
        ("198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("nonsense", "127.0.0.1"),
        # Some proxies append the port.
        ("203.0.113.9:5678", "203.0.113.9"),
        ("198.51.100.7:1234, 203.0.113.9:5678", "203.0.113.9"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("198.51.100.7,[2001:db8::7]", "2001:db8::7"),
        ("203.0.113.9:port", "127.0.0.1"),
    ],
)
def test_trusts_address_from_trusted_proxy(
    behind_a_proxy: FrontDoor, forwarded_for: str, trusted: str
) -> None:
    response = behind_a_proxy.client.get(
        "/user/metadata:",
        headers={"x-forwarded-for": forwarded_for, "x-direct-peer": "203.0.113.9"},
    )
    metadata = json.loads(response.json()["lookup"])
    assert metadata["x-client-address"] == trusted
    # The peer of the connection, whatever a client or a proxy says.
    assert metadata["x-direct-peer"] == "127.0.0.1"
    assert "x-forwarded-for" not in metadata


def test_trusts_farther_of_two_proxies() -> None:
    forwarded_for = {
        "198.51.100.7, 203.0.113.9:5678, 192.0.2.1:80": "203.0.113.9",
        "203.0.113.9, 192.0.2.1:80": "203.0.113.9",
        "[2001:db8::7]:443,[2001:db8::1]:80": "2001:db8::7",
    }
    with front_door(trusted_proxies=2) as door:
        for header, trusted in forwarded_for.items():
            response = door.client.get("/user/metadata:", headers={"x-forwarded-for": header})
            metadata = json.loads(response.json()["lookup"])
            assert metadata["x-client-address"] == trusted


def test_responses_reveal_no_internals(client: httpx2.Client) -> None:
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
def test_preflight_allows_all_requested_headers(
    client: httpx2.Client, path: str, wanted: str
) -> None:
    preflight = {"access-control-request-method": "PUT", "access-control-request-headers": wanted}
    response = client.options(path, headers=ORIGIN | preflight)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert response.headers.get_list("access-control-allow-headers") == [wanted]
    assert int(response.headers["access-control-max-age"]) > 0


def test_preflight_allows_all_methods(client: httpx2.Client) -> None:
    response = client.options("/user", headers=ORIGIN | {"access-control-request-method": "PUT"})
    methods = response.headers["access-control-allow-methods"].split(", ")
    assert set(methods) == {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


def test_responses_and_errors_have_cors_headers(client: httpx2.Client) -> None:
    wanted = {"grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after"}
    wanted |= {"content-disposition", "etag", "x-quota-limit", "x-quota-remaining", "x-quota-reset"}
    for path in ("/user/abc", "/user/fail:NOT_FOUND", "/nowhere"):
        headers = client.get(path, headers=ORIGIN).headers
        assert headers["access-control-allow-origin"] == ORIGIN["origin"]
        # Caches must keep a response for its origin only.
        assert "origin" in headers["vary"]
        exposed = set(headers["access-control-expose-headers"].split(", "))
        assert exposed == wanted | {"x-request-id"}


def test_allows_only_listed_origins() -> None:
    origins = "https://app.example,http://localhost:3000"
    with front_door(cors_origins=origins, started=False) as door:
        preflight = {"access-control-request-method": "PUT"}
        for origin, allowed in [
            ("https://app.example", True),
            ("http://localhost:3000", True),
            ("https://app.example.evil", False),
            ("https://evil.example", False),
        ]:
            for method in ("OPTIONS", "GET"):
                headers = {"origin": origin} | (preflight if method == "OPTIONS" else {})
                response = door.client.request(method, "/user/abc", headers=headers)
                assert response.headers.get("access-control-allow-origin") == (
                    origin if allowed else None
                )


def test_compresses_json_on_request(client: httpx2.Client) -> None:
    body = {"users": [{"userId": "u" * 100}] * 50}
    zipped = client.post("/events", json=body, headers={"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    plain = client.post("/events", json=body, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert zipped.json() == plain.json()
    assert int(zipped.headers.get("content-length", 0)) < len(plain.content)


def test_accepts_profile_at_its_limits(client: httpx2.Client) -> None:
    sizes = {
        "encryptedProfilePicture": 2048000,
        "encryptedCurrentPlan": 15360,
        "encryptedName": 2048,
        "rsaPublicKey": 4096,
    }
    body = {name: base64.b64encode(bytes(size)).decode() for name, size in sizes.items()}
    assert client.put("/user", json={"id": "u"} | body).json() == {}


def test_delivers_response_of_64_mebibytes(client: httpx2.Client) -> None:
    response = client.post(
        "/users", json={"ids": ["2097152"] * 32}, headers={"accept-encoding": "identity"}
    )
    assert response.status_code == 200
    assert len(response.content) > 64 * 1024 * 1024 * 4 // 3
    assert response.content.endswith(b"}}}")


def test_drops_header_names_that_grpc_rejects(client: httpx2.Client) -> None:
    headers = {f"a{sign}b": "c" for sign in "!#$%&'*+^`|~."}
    assert client.get("/user/abc", headers=headers).json()["id"] == "abc"
