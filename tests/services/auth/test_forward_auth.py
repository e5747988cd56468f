"""Forward authentication through Envoy, with the shared stack, whose trusted proxy is 127.0.0.9."""

import gzip
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import pytest

from tests.support.stack import SHARED_KEY, TRUSTED_PROXY, Stack

Headers = list[tuple[str, str]]


def client(stack: Stack, address: str) -> httpx2.AsyncClient:
    """Return a client that connects from a local address."""
    transport = httpx2.AsyncHTTPTransport(local_address=address)
    return httpx2.AsyncClient(base_url=stack.url, transport=transport, timeout=30)


@pytest.fixture
async def proxy(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(stack, TRUSTED_PROXY) as proxy:
        yield proxy


@pytest.fixture
async def stranger(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(stack, "127.0.0.8") as stranger:
        yield stranger


@pytest.fixture
def name() -> str:
    return f"ann-{uuid4().hex[:8]}@example.org"


async def backups(http: httpx2.AsyncClient, headers: Headers) -> list[str] | str:
    """Return the ids of the caller's backups, or the reason of the error."""
    response = await http.get("/backups", headers=headers)
    if response.status_code == 200:
        return [backup["id"] for backup in response.json()["backups"]]
    return f"{response.status_code} {response.json()['details'][0]['reason']}"


async def upload(http: httpx2.AsyncClient, headers: Headers) -> str:
    content = gzip.compress(uuid4().bytes)
    response = await http.post("/backup", headers=headers, content=content)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


class TestTrustedProxy:
    async def test_names_the_user(self, proxy: httpx2.AsyncClient, name: str) -> None:
        ann, bob = [("Remote-User", name)], [("remote-user", f"bob{name}")]
        uploaded = await upload(proxy, ann)
        assert await backups(proxy, ann) == [uploaded]
        assert await backups(proxy, bob) == []
        assert await backups(proxy, [("REMOTE-USER", name.upper())]) == []

    async def test_forwards_the_requests_of_anybody(
        self, proxy: httpx2.AsyncClient, name: str
    ) -> None:
        headers = [("Remote-User", name), ("X-Forwarded-For", "203.0.113.7")]
        assert await backups(proxy, headers) == []

    @pytest.mark.parametrize("value", ["", "x" * 257, "a\tb", "Zo\u00eb"])
    async def test_unusable_name_is_no_credential(
        self, proxy: httpx2.AsyncClient, value: str
    ) -> None:
        headers = [(b"remote-user", value.encode())]
        response = await proxy.get("/backups", headers=headers)
        assert response.status_code == 401

    async def test_repeated_header_is_no_credential(
        self, proxy: httpx2.AsyncClient, name: str
    ) -> None:
        twice = [("Remote-User", name), ("Remote-User", name)]
        assert await backups(proxy, twice) == "401 ACCESS_TOKEN_MISSING"
        split = [("Remote-User", name), ("remote-user", "")]
        assert await backups(proxy, split) == "401 ACCESS_TOKEN_MISSING"

    async def test_cross_site_request_is_refused(
        self, proxy: httpx2.AsyncClient, name: str
    ) -> None:
        ann = ("Remote-User", name)
        cross = [ann, ("Sec-Fetch-Site", "cross-site")]
        assert await backups(proxy, cross) == "403 CROSS_SITE_REQUEST"
        assert await backups(proxy, [ann, ("Sec-Fetch-Site", "same-origin")]) == []

    async def test_bad_credentials_beside_it_do_not_matter(
        self, proxy: httpx2.AsyncClient, name: str
    ) -> None:
        bad = [("X-API-Key", "stale"), ("Authorization", "Bearer nonsense")]
        uploaded = await upload(proxy, [("Remote-User", name), *bad])
        assert await backups(proxy, [("Remote-User", name)]) == [uploaded]

    async def test_good_key_counts_instead(self, proxy: httpx2.AsyncClient, name: str) -> None:
        both = [("Remote-User", name), ("X-API-Key", SHARED_KEY)]
        uploaded = await upload(proxy, both)
        assert await backups(proxy, [("Remote-User", name)]) == []
        household = await backups(proxy, [("X-API-Key", SHARED_KEY)])
        assert uploaded in household

    @pytest.mark.parametrize("path", ["/auth/me", "/workouts", "/auth/keys", "/ai/quota"])
    async def test_opens_nothing_but_backups(
        self, proxy: httpx2.AsyncClient, name: str, path: str
    ) -> None:
        assert (await proxy.get(path, headers=[("Remote-User", name)])).status_code == 401

    async def test_backup_cannot_be_imported_without_an_account(
        self, proxy: httpx2.AsyncClient, name: str
    ) -> None:
        headers = [("Remote-User", name)]
        uploaded = await upload(proxy, headers)
        response = await proxy.post(f"/backups/{uploaded}/import", headers=headers)
        assert response.status_code == 403
        assert response.json()["details"][0]["reason"] == "ACCOUNT_REQUIRED"


class TestStranger:
    @pytest.mark.parametrize(
        "forged",
        [
            [],
            [("X-Forwarded-For", TRUSTED_PROXY)],
            [("Forwarded", f"for={TRUSTED_PROXY}")],
            [("X-Direct-Peer", TRUSTED_PROXY)],
            [("x-direct-peer", TRUSTED_PROXY), ("x-direct-peer", TRUSTED_PROXY)],
            [("X-Client-Address", TRUSTED_PROXY)],
            [("X-Real-IP", TRUSTED_PROXY)],
            [("X-Envoy-External-Address", TRUSTED_PROXY)],
            [("Connection", "x-direct-peer")],
        ],
    )
    async def test_cannot_forge_the_name(
        self,
        stranger: httpx2.AsyncClient,
        proxy: httpx2.AsyncClient,
        name: str,
        forged: Headers,
    ) -> None:
        ann = [("Remote-User", name)]
        uploaded = await upload(proxy, ann)
        assert await backups(stranger, [*ann, *forged]) == "401 ACCESS_TOKEN_MISSING"
        body = gzip.compress(b"forged")
        response = await stranger.post("/backup", headers=[*ann, *forged], content=body)
        assert response.status_code == 401
        assert await backups(proxy, ann) == [uploaded]

    async def test_header_beside_a_good_key_does_not_matter(
        self, stranger: httpx2.AsyncClient, name: str
    ) -> None:
        headers = [("Remote-User", name), ("X-API-Key", SHARED_KEY)]
        assert isinstance(await backups(stranger, headers), list)
