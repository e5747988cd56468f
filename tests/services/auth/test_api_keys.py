"""API keys in requests to methods that do not take them."""

import httpx2
import pytest


class TestInvalidApiKey:
    @pytest.mark.parametrize("key", ["stale", "glk_unknown", "canary, canary"])
    async def test_is_ignored_beside_a_password_or_token(
        self, rest: httpx2.AsyncClient, key: str
    ) -> None:
        headers = {"x-api-key": key}
        user = (await rest.post("/user/create", json={}, headers=headers)).json()
        who = {"userId": user["id"], "password": user["password"], "followSecret": "secret"}
        response = await rest.put("/follow-secret", json=who, headers=headers)
        assert (response.status_code, response.json()) == (200, {})
        login = {"username": user["id"], "password": user["password"]}
        tokens = (await rest.post("/auth/login", json=login, headers=headers)).json()
        bearer = headers | {"authorization": f"Bearer {tokens['access_token']}"}
        assert (await rest.get("/auth/me", headers=bearer)).status_code == 200
