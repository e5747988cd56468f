"""Forward authentication: which user names reach Gymlocker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.proxies.programs import NAMES, Proxy, running_proxy
from tests.support.stack import Stack

pytestmark = pytest.mark.extended

USER = "remote-user"
SESSION = {"cookie": "session=ada"}
FORGED = {"Remote-User": "eve"}
BACKUPS = ("/backup", "/backups", "/backups/1", "/v2/backup", "/v2/backups/1")


@dataclass
class Server:
    """A server that records the requests it gets; the response may name a user."""

    names_users: bool = False
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    address: str = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Server"]:
        async with await asyncio.start_server(self._serve, "127.0.0.1") as server:
            self.address = "{}:{}".format(*server.sockets[0].getsockname())
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        self.requests.append((head[0].split()[1], headers))
        writer.write(self._response(headers))
        await writer.drain()
        writer.close()

    def _response(self, headers: dict[str, str]) -> bytes:
        name, _, user = headers.get("cookie", "").partition("=")
        status, extra = "200 OK", ""
        if self.names_users and name == "session":
            extra = f"Remote-User: {user}\r\n"
        elif self.names_users:
            status = "401 Unauthorized"
        return (
            f"HTTP/1.1 {status}\r\n{extra}content-length: 0\r\nconnection: close\r\n\r\n".encode()
        )


@dataclass(frozen=True)
class Setup:
    """A proxy between a portal and a server."""

    proxy: Proxy
    portal: Server
    server: Server

    async def user_at(self, path: str, headers: dict[str, str]) -> str | None:
        """Send a request; return the user whose name reaches the server, None for nobody."""
        self.server.requests.clear()
        async with self.proxy.client() as client:
            response = await client.get(path, headers=headers)
        assert response.status_code == 200
        [(asked, received)] = self.server.requests
        assert asked == path
        return received.get(USER) or None


@pytest.fixture(params=NAMES)
async def setup(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Setup]:
    """Each proxy with forward authentication."""
    async with (
        Server(names_users=True).listening() as portal,
        Server().listening() as server,
        running_proxy(request.param, tmp_path, server.address, portal.address) as proxy,
    ):
        yield Setup(proxy, portal, server)


async def test_portal_names_the_user_of_backups(setup: Setup) -> None:
    for path in BACKUPS:
        assert await setup.user_at(path, SESSION) == "ada"
        # A client's own header does not count beside it.
        assert await setup.user_at(path, SESSION | FORGED) == "ada"
    assert len(setup.portal.requests) == 2 * len(BACKUPS)


async def test_portal_refuses_callers_without_session(setup: Setup) -> None:
    async with setup.proxy.client() as client:
        for path in BACKUPS:
            for headers in ({}, FORGED):
                assert (await client.get(path, headers=headers)).status_code == 401
    assert setup.server.requests == []


@pytest.mark.parametrize("key", [{"x-api-key": "glk_1"}, {"authorization": "Bearer glk_1"}])
async def test_keys_pass_without_a_user(setup: Setup, key: dict[str, str]) -> None:
    for path in BACKUPS:
        assert await setup.user_at(path, key | FORGED) is None
        [(_, received)] = setup.server.requests
        assert received.items() >= key.items() or received["authorization"] == "bearer glk_1"
    assert setup.portal.requests == []


async def test_other_paths_never_have_a_user(setup: Setup) -> None:
    for path in ("/workouts", "/health", "/", "/backupx", "/ai/workout"):
        assert await setup.user_at(path, SESSION | FORGED) is None
    assert setup.portal.requests == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", NAMES)
async def test_gymlocker_keeps_backups_of_users_apart(
    name: str, behind_proxies: Stack, tmp_path: Path
) -> None:
    backup = b"\x1f\x8b\x08\x00" + name.encode()
    eve = {"cookie": f"session=eve-{name}"}
    async with (
        Server(names_users=True).listening() as portal,
        running_proxy(name, tmp_path, behind_proxies.address, portal.address) as proxy,
        proxy.client() as client,
    ):
        ada = {"cookie": f"session=ada-{name}"}
        stored = await client.post("/backup", content=backup, headers=ada)
        assert stored.status_code == 200
        assert (await client.get("/backup", headers=ada)).content == backup
        forged = eve | {"Remote-User": f"ada-{name}"}
        assert (await client.get("/backup", headers=forged)).status_code == 404
        # The key is checked, and the forged name beside it does not count.
        key = {"x-api-key": "glk_wrong", "Remote-User": f"ada-{name}"}
        assert (await client.get("/backup", headers=key)).status_code == 401


@pytest.mark.parametrize("name", NAMES)
async def test_without_portal_no_client_names_itself(name: str, tmp_path: Path) -> None:
    async with (
        Server().listening() as server,
        running_proxy(name, tmp_path, server.address) as proxy,
        proxy.client() as client,
    ):
        for path in (*BACKUPS, "/workouts"):
            assert (await client.get(path, headers=FORGED)).status_code == 200
        assert {received.get(USER) or None for _, received in server.requests} == {None}
