"""A key beside another proof of who calls, where no key is taken."""

import httpx2
import pytest


@pytest.mark.parametrize("key", ["stale", "glk_unknown", "canary, canary"])
async def test_a_stale_key_beside_a_password_or_token_does_no_harm(
    rest: httpx2.AsyncClient, key: str
) -> None:
    headers = {"x-api-key": key}
    user = (await rest.post("/user/create", json={}, headers=headers)).json()
    who = {"userId": user["id"], "password": user["password"], "followSecret": "secret"}
    reply = await rest.put("/follow-secret", json=who, headers=headers)
    assert (reply.status_code, reply.json()) == (200, {})
    login = {"username": user["id"], "password": user["password"]}
    tokens = (await rest.post("/auth/login", json=login, headers=headers)).json()
    bearer = headers | {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await rest.get("/auth/me", headers=bearer)).status_code == 200
