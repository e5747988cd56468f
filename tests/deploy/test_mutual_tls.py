"""Mutual TLS between processes, with the real commands."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx2
import pytest

from server.libraries.database.migrations import migrate
from server.libraries.network.tls import Certificate, Identity
from server.programs.web.chat_client import ApiError, ChatClient
from tests.deploy.running import PLAIN
from tests.programs.gateway.authority import HOST, Authority
from tests.support.ports import free_port
from tests.support.waiting import eventually_true
from tests.support.worker import JWT_SECRET_KEY

pytestmark = pytest.mark.extended


@asynccontextmanager
async def running(*words: str, **environment: str) -> AsyncIterator[None]:
    """Run a command until the context ends."""
    command = (sys.executable, "-P", "-m", "server", *words)
    process = await asyncio.create_subprocess_exec(*command, env={**PLAIN, **environment})
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def succeeds(*words: str) -> bool:
    command = (sys.executable, "-P", "-m", "server", *words)
    process = await asyncio.create_subprocess_exec(
        *command, env=PLAIN, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait() == 0


def options(folder: Path, prefix: str, authority: str) -> list[str]:
    return [
        f"--{prefix}tls-cert={folder}/chain.pem",
        f"--{prefix}tls-key={folder}/key.pem",
        f"--{prefix}{authority}={folder.parent}/root.pem",
    ]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path)
    for name in ("worker", "caller"):
        authority.issue(tmp_path / name)
    assert authority.root == tmp_path / "root.pem"
    return authority


@pytest.fixture
async def worker(authority: Authority, empty_database: str) -> AsyncIterator[str]:
    """Yield the address of a worker that requires mutual TLS."""
    await migrate(empty_database, None, lambda _: None)
    address = f"{HOST}:{free_port()}"
    own = options(authority.folder / "worker", "", "tls-client-ca")
    async with running(
        *("serve", f"--listen={address}", *own),
        DATABASE_URL=empty_database,
        JWT_SECRET_KEY=JWT_SECRET_KEY,
    ):
        yield address


async def test_gateway_and_web_process_reach_the_worker(worker: str, authority: Authority) -> None:
    as_caller = options(authority.folder / "caller", "worker-", "tls-ca")
    gateway, web = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    async with (
        running("web", f"--listen={web}", f"--worker={worker}", *as_caller),
        running("gateway", f"--listen={gateway}", f"--worker={worker}", f"--web={web}", *as_caller),
        httpx2.AsyncClient(base_url=f"http://{gateway}", timeout=20) as client,
    ):

        async def has_status(method: str, path: str, status: int) -> bool:
            try:
                return (await client.request(method, path)).status_code == status
            except httpx2.TransportError:
                return False

        await eventually_true(lambda: has_status("GET", "/health", 200))
        # This status comes from the worker; without a worker it would be 503.
        await eventually_true(lambda: has_status("POST", "/ai-chat/negotiate", 401))
    assert await succeeds("health", f"--address={worker}", *as_caller)
    assert not await succeeds("health", f"--address={worker}")


async def test_web_process_loads_renewed_certificate(
    worker: str, authority: Authority, tmp_path: Path
) -> None:
    folder = tmp_path / "web"
    stranger = Authority(tmp_path / "stranger")
    stranger.folder.mkdir()
    stranger.issue(folder)
    identity = Identity(Certificate(folder / "chain.pem", folder / "key.pem"), authority.root)
    api = ChatClient((worker,), identity)

    async def refusal() -> int:
        with pytest.raises(ApiError) as refused:
            await api.check((("authorization", "Web nobody"),))
        return int(refused.value.status.code)

    assert await refusal() == grpc.StatusCode.UNAVAILABLE.value[0]
    authority.issue(folder)

    async def reaches_the_worker() -> bool:
        return await refusal() == grpc.StatusCode.UNAUTHENTICATED.value[0]

    await eventually_true(reaches_the_worker)
    await api.close()
