"""What is secret reaches no log: neither a worker's, nor Envoy's, nor PostgreSQL's.

A whole house runs with the most talkative log. Everything sensitive in the calls holds a canary,
also where the calls are wrong. When the house has stopped and written all it had to write, its
logs know each call by its request id, and no canary.
"""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.demo.transport import CallError, GrpcTransport, channel_over
from tests.feed.client import Client, User, event_of, follow, nobody, with_password
from tests.house import House, running_house

CANARY = "canary"
SECRET = "canary-secret"
SOME_UUID = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
WHO: dict[str, Any] = {"userId": SOME_UUID, "password": "canary-password"}


async def test_no_log_knows_a_secret(tmp_path: Path) -> None:
    with running_house(tmp_path / "house", workers=1, LOG_LEVEL="debug") as house:
        password = await _calls_over_grpc(house)
        request_ids = await _calls_over_rest(house)
    logs = {path.name: path.read_text() for path in (house.data_dir / "logs").iterdir()}
    assert {"envoy.log", "postgres.log", "worker-0.log"} <= logs.keys()
    for name, log in logs.items():
        assert log, name
        assert CANARY not in log, name
        assert password not in log, name
    for request_id in request_ids:
        assert request_id in logs["envoy.log"]
    assert request_ids[0] in logs["worker-0.log"]


async def _calls_over_grpc(house: House) -> str:
    """Right and wrong calls; returns the password that the server made."""
    transport = GrpcTransport(house.url)
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
        await client.accept(user, f"{SECRET}\0")
    with pytest.raises(CallError):
        await client.accept(user, SECRET * 10)
    await transport.close()
    return user.password


async def _fails(client: Client, user: User) -> None:
    with pytest.raises(CallError):
        await client.take_messages(user)


async def _calls_over_rest(house: House) -> list[str]:
    """Wrong calls, and right ones with secrets where they do not belong; returns request ids."""
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/inbox", {**WHO, "userId": "canary-no-uuid"}),
        ("POST", "/inbox", {**WHO, "password": {"canary": "canary"}}),
        ("POST", "/inbox", {**WHO, "password": ["canary", True]}),
        ("POST", "/inbox", {**WHO, "password": "canary\0"}),
        ("POST", "/inbox", {**WHO, "password": "canary\ud800"}),
        ("PUT", "/follow-secret", {**WHO, "followSecret": {"canary": 1}}),
        ("PUT", "/follow-secret", {**WHO, "followSecret": "canary\0"}),
        ("PUT", "/inbox", {"toUserId": SOME_UUID, "encryptedMessage": ["canary!"]}),
        ("PUT", "/event", {**WHO, "expiry": "canary"}),
        ("POST", "/events", {"users": [{"userId": SOME_UUID, "followSecret": "canary"}]}),
        ("POST", "/events", {"users": [{"userId": "canary", "followSecret": "canary"}]}),
        ("POST", "/user/delete?password=canary&access_token=canary", {"id": "canary"}),
        ("GET", "/health?password=canary&canary=canary", None),
        ("GET", "/user/canary", None),
        ("GET", "/user/canary%00", None),
        ("GET", "/shareditem/canary?followSecret=canary", None),
        ("GET", "/canary/unknown/path?canary", None),
        ("POST", "/canary", WHO),
    ]
    headers = {
        "authorization": "Bearer canary",
        "cookie": "session=canary",
        "x-canary": "canary",
        "user-agent": "canary",
        "referer": "http://canary/",
    }
    ids: list[str] = []
    async with httpx2.AsyncClient(base_url=house.url) as rest:
        for number, (verb, path, body) in enumerate(calls):
            ids.append(f"call-{number}-of-the-bird")
            response = await rest.request(
                verb,
                path,
                content=None if body is None else json.dumps(body),
                headers={**headers, "x-request-id": ids[-1]},
            )
            assert response.status_code < 500
        for broken in (b'{"password": "canary', b"canary", b'{"password": canary}', b"\xffcanary"):
            response = await rest.post("/inbox", content=broken, headers=headers)
            assert response.status_code == 400
            ids.append(response.headers["x-request-id"])
    return ids
