"""Memory of a worker while a large backup goes up and down."""

import asyncio
import hashlib
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.faults import processes
from tests.libraries.database.conftest import make_database
from tests.services.backup.contents import GZIP, MIB
from tests.support.s3 import running_s3
from tests.support.stack import Stack, running_stack

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

SIZE = 64 * MIB
MAX_GROWTH = 24 * MIB
# Random bytes, repeated: the client needs little memory itself.
PART = hashlib.shake_256(b"backup").digest(MIB)


@pytest.fixture(params=["folder", "s3"])
def stack(
    request: pytest.FixtureRequest, postgres: TemporaryPostgres, tmp_path: Path
) -> Iterator[Stack]:
    """Yield a stack with a new worker."""
    url = asyncio.run(make_database(postgres, f"memory_{request.param}"))
    settings: dict[str, Any] = {"DATABASE_URL": url}
    if request.param == "folder":
        with running_stack(tmp_path / "stack", **settings) as stack:
            yield stack
        return
    with (
        running_s3(tmp_path / "s3") as s3,
        running_stack(tmp_path / "stack", **(settings | s3.settings)) as stack,
    ):
        yield stack


def memory(stack: Stack, name: str) -> int:
    """Return VmRSS, the bytes of the worker in memory, or VmHWM, the most that they were."""
    status = Path(f"/proc/{processes.worker(stack, 0).pid}/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


async def parts() -> AsyncIterator[bytes]:
    yield GZIP
    for _ in range(SIZE // MIB - 1):
        yield PART
    yield PART[:-2]


async def test_grows_by_less_than_a_file(stack: Stack) -> None:
    async with httpx2.AsyncClient(base_url=stack.url, timeout=120) as rest:
        credentials = {"username": uuid4().hex, "password": "correct horse"}
        await rest.post("/auth/register", json=credentials)
        tokens = (await rest.post("/auth/login", json=credentials)).json()
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        before = memory(stack, "VmRSS")
        response = await rest.post("/backup", content=parts(), headers=headers)
        assert response.json()["size"] == SIZE
        found = hashlib.sha256()
        async with rest.stream("GET", "/backup", headers=headers) as download:
            async for chunk in download.aiter_bytes():
                found.update(chunk)
        assert found.hexdigest() == response.json()["sha256"]
        growth = memory(stack, "VmHWM") - before
        assert growth <= MAX_GROWTH, f"{growth / MIB:.1f} MiB"
        print(f"{growth / MIB:.1f} MiB")
