"""Secrets in no log: neither the workers', nor Envoy's, nor PostgreSQL's.

A whole stack runs with debug logs. Every sensitive value in valid and invalid calls contains a
canary. When the stack has stopped, its logs contain each call's request id, but no canary.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gymlocker.v2 import auth_pb2, workout_pb2

from server.programs.demo.transport import CallError, GrpcTransport, channel_over
from tests.support.client import Client, User, bearer, event_of, follow, nobody, with_password
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.extended

CANARY = "canary"
SECRET = "canary-secret"
KEY = "canary-key-of-the-server"
SOME_UUID = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
PARTS: dict[str, Any] = {"date": "2026-02-07", "type": "canary", "duration": 1}
CREDENTIALS: dict[str, Any] = {"userId": SOME_UUID, "password": "canary-password"}


async def test_no_log_contains_a_secret(tmp_path: Path) -> None:
    with running_stack(
        tmp_path / "stack",
        workers=1,
        LOG_LEVEL="debug",
        API_KEY=KEY,
        REFRESH_GRACE_SECONDS="0",
        FORWARD_AUTH_USER_HEADER="Remote-User",
        FORWARD_AUTH_TRUSTED_PROXIES="127.0.0.0/8",
    ) as stack:
        secrets = await _calls_over_grpc(stack)
        request_ids = await _calls_over_rest(stack)
    logs = {path.name: path.read_text() for path in (stack.data_dir / "logs").iterdir()}
    assert {"envoy.log", "postgres.log", "worker-0.log"} <= logs.keys()
    for name, log in logs.items():
        assert log, name
        assert CANARY not in log, name
        assert [secret for secret in secrets if secret in log] == [], name
    # Expected errors are not logged there: a name that is taken, a message to an unknown user.
    assert "ERROR" not in logs["postgres.log"]
    for request_id in request_ids:
        assert request_id in logs["envoy.log"]
    assert request_ids[0] in logs["worker-0.log"]


async def _calls_over_grpc(stack: Stack) -> list[str]:
    """Make valid and invalid calls; return the secrets that the server created."""
    transport = GrpcTransport(stack.url)
    client = Client(channel_over(transport))
    user = await client.new_user()
    await client.accept(user, SECRET)
    await client.events.PutEvent(event_of(user))
    assert len((await client.feed(follow(user.id, SECRET))).events) == 1
    assert (await client.feed(follow(user.id, "canary-wrong"))).invalid_follow_secrets
    await client.revoke(user, SECRET)
    await _fails(client, with_password(user, "canary-wrong-password"))
    await _fails(client, with_password(user, "canary-password-that-is-much-longer-than-allowed"))
    await _fails(client, with_password(nobody(), "canary-password"))
    with pytest.raises(CallError):
        await client.send(nobody().id, b"canary")
    with pytest.raises(CallError):
        await client.accept(user, f"{SECRET}\0")
    with pytest.raises(CallError):
        await client.accept(user, SECRET * 10)
    secrets = [user.password, *await _calls_with_an_account(client)]
    await transport.close()
    return secrets


async def _calls_with_an_account(client: Client) -> list[str]:
    """Make valid and invalid calls with an account; return its tokens."""
    name = "canary-name"
    register = auth_pb2.RegisterRequest(username=name, password="canary-password")
    # All of them find the name free.
    await asyncio.gather(
        *(client.accounts.Register(register) for _ in range(4)), return_exceptions=True
    )
    login = auth_pb2.LoginRequest(username=name, password="canary-password")
    tokens = await client.accounts.Login(login)
    for wrong in ("canary-wrong", "canary" * 30):
        with pytest.raises(CallError):
            await client.accounts.Login(auth_pb2.LoginRequest(username=name, password=wrong))
    workout = workout_pb2.CreateWorkoutRequest(
        date="2026-02-07", type="canary-type", duration=30, notes="canary-notes"
    )
    stored = await client.workouts.CreateWorkout(workout, metadata=bearer(tokens))
    with pytest.raises(CallError):
        await client.workouts.CreateWorkout(
            workout_pb2.CreateWorkoutRequest(id=stored.id, **PARTS), metadata=bearer(tokens)
        )
    refresh = auth_pb2.RefreshTokenRequest(refresh_token=tokens.refresh_token)
    again = await client.accounts.RefreshToken(refresh)
    await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(again))
    with pytest.raises(CallError):
        await client.accounts.RefreshToken(refresh)
    secrets = [
        token for each in (tokens, again) for token in (each.access_token, each.refresh_token)
    ]
    return [*secrets, await _calls_with_a_key(client)]


async def _calls_with_a_key(client: Client) -> str:
    """Make valid and invalid calls with an access key; return the key."""
    login = auth_pb2.LoginRequest(username="canary-name", password="canary-password")
    metadata = bearer(await client.accounts.Login(login))
    key = auth_pb2.CreateAccessKeyRequest(name="canary-key", scopes=["workouts.write"])
    created = (await client.accounts.CreateAccessKey(key, metadata=metadata)).key
    for header in (("x-api-key", created), ("authorization", f"Bearer {created}")):
        workout = workout_pb2.CreateWorkoutRequest(**PARTS)
        await client.workouts.CreateWorkout(workout, metadata=[header])
        with pytest.raises(CallError):
            await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=[header])
        with pytest.raises(CallError):
            await client.workouts.CreateWorkout(
                workout, metadata=[(header[0], f"{header[1]}-canary")]
            )
    return created


async def _fails(client: Client, user: User) -> None:
    with pytest.raises(CallError):
        await client.take_messages(user)


async def _calls_over_rest(stack: Stack) -> list[str]:
    """Make invalid calls and valid ones with misplaced secrets; return the request ids."""
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/inbox", {**CREDENTIALS, "userId": "canary-no-uuid"}),
        ("POST", "/inbox", {**CREDENTIALS, "password": {"canary": "canary"}}),
        ("POST", "/inbox", {**CREDENTIALS, "password": ["canary", True]}),
        ("POST", "/inbox", {**CREDENTIALS, "password": "canary\0"}),
        ("POST", "/inbox", {**CREDENTIALS, "password": "canary\ud800"}),
        ("PUT", "/follow-secret", {**CREDENTIALS, "followSecret": {"canary": 1}}),
        ("PUT", "/follow-secret", {**CREDENTIALS, "followSecret": "canary\0"}),
        ("PUT", "/inbox", {"toUserId": SOME_UUID, "encryptedMessage": ["canary!"]}),
        ("PUT", "/event", {**CREDENTIALS, "expiry": "canary"}),
        ("POST", "/events", {"users": [{"userId": SOME_UUID, "followSecret": "canary"}]}),
        ("POST", "/events", {"users": [{"userId": "canary", "followSecret": "canary"}]}),
        ("POST", "/user/delete?password=canary&access_token=canary", {"id": "canary"}),
        ("GET", "/health?password=canary&canary=canary", None),
        ("GET", "/user/canary", None),
        ("GET", "/user/canary%00", None),
        ("GET", "/shareditem/canary?followSecret=canary", None),
        ("GET", "/canary/unknown/path?canary", None),
        ("POST", "/canary", CREDENTIALS),
        ("POST", "/auth/login", {"username": "canary", "password": "canary"}),
        ("POST", "/auth/register", {"username": "canary\0", "password": {"canary": 1}}),
        ("POST", "/auth/refresh", {"refreshToken": "canary"}),
        ("POST", "/auth/register", {"username": "canary\0", "inviteCode": "canary"}),
        ("POST", "/user/create", {"inviteCode": {"canary": "canary"}}),
        ("POST", "/auth/keys", {"name": "canary", "scopes": ["canary"], "password": "canary"}),
        ("DELETE", "/auth/keys/canary", None),
        ("GET", "/backups", None),
        ("GET", "/workouts?type=canary&page_token=canary", None),
        ("GET", "/workouts/canary", None),
        ("PATCH", "/workouts/canary?updateMask=canary", {"notes": "canary"}),
        ("GET", "/ai/quota?access_token=canary", None),
        ("POST", "/ai-chat/negotiate?access_token=canary", None),
        ("POST", "/v2/ai-chat-v2/negotiate?access_token=canary", None),
    ]
    headers = {
        "authorization": "Bearer canary",
        "x-api-key": "canary",
        "cookie": "session=canary",
        "x-canary": "canary",
        "user-agent": "canary",
        "referer": "http://canary/",
        "remote-user": "canary",
    }
    ids: list[str] = []
    async with httpx2.AsyncClient(base_url=stack.url) as rest:
        for number, (verb, path, body) in enumerate(calls):
            ids.append(f"call-{number}-of-the-bird")
            response = await rest.request(
                verb,
                path,
                content=None if body is None else json.dumps(body),
                headers={**headers, "x-request-id": ids[-1]},
            )
            assert response.status_code < 500
        # A valid key, on paths that accept it and one that does not.
        for path in ("/ai/quota", "/v2/ai/quota", "/health"):
            ids.append(f"a-bird-with-a-key{path.replace('/', '-')}")
            with_key = {**headers, "x-api-key": KEY, "x-request-id": ids[-1]}
            assert (await rest.get(path, headers=with_key)).status_code == 200
        # Not valid text in any encoding of headers.
        ids.append("a-strange-bird")
        strange = {b"authorization": b"Bearer canary\xe9", b"x-request-id": ids[-1].encode()}
        response = await rest.get("/health", headers=strange)
        assert response.status_code == 200
        for broken in (b'{"password": "canary', b"canary", b'{"password": canary}', b"\xffcanary"):
            response = await rest.post("/inbox", content=broken, headers=headers)
            assert response.status_code == 400
            ids.append(response.headers["x-request-id"])
    return ids
