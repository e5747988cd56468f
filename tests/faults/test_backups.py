"""Uploads of backups that are cut at random moments: nothing is lost, and nothing is left.

CUT_UPLOADS is how many uploads are cut on each kind of store.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.faults import processes
from tests.faults.backup_audit import Headers, audit_entries, audit_store, expire_leases, swept
from tests.faults.backup_uploads import Uploads
from tests.libraries.database.conftest import make_database
from tests.support.s3 import S3Server, running_s3
from tests.support.stack import Stack, running_stack

CUTS = int(os.environ.get("CUT_UPLOADS", "25"))
WRITERS = 4

pytestmark = [pytest.mark.extended, pytest.mark.timeout(120 + 2 * CUTS)]


@dataclass(frozen=True)
class Scene:
    """A stack with two workers and its store."""

    stack: Stack
    database_url: str
    # Where the objects are, and where nothing may be left.
    objects: Path
    others: tuple[Path, ...]
    s3: S3Server | None


@pytest.fixture(scope="module", params=["folder", "s3"])
def scene(
    request: pytest.FixtureRequest,
    postgres: TemporaryPostgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("backups")
    url = asyncio.run(make_database(postgres, f"backups_{request.param}"))
    settings: dict[str, Any] = {
        "DATABASE_URL": url,
        "BACKUP_KEEP_LAST": "100000",
        "IMPORTS_PER_ADDRESS": "0",
    }
    if request.param == "folder":
        store = folder / "store"
        with running_stack(
            folder / "stack", workers=2, BACKUP_STORE=f"file:{store}", **settings
        ) as stack:
            yield Scene(stack, url, store / "objects", (store / "incoming",), None)
        return
    with (
        running_s3(folder / "s3") as s3,
        running_stack(folder / "stack", workers=2, **(settings | s3.settings)) as stack,
    ):
        yield Scene(stack, url, s3.objects, (s3.bucket / ".sgwtmp",), s3)


@pytest.fixture
async def rest(scene: Scene) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=scene.stack.url, timeout=30) as rest:
        yield rest


@pytest.fixture
async def database(scene: Scene) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(scene.database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def users(rest: httpx2.AsyncClient) -> dict[str, Headers]:
    return dict([await new_owner(rest) for _ in range(WRITERS)])


async def new_owner(rest: httpx2.AsyncClient) -> tuple[str, Headers]:
    """Register an account; return its name and the headers of its calls."""
    name = uuid4().hex
    credentials = {"username": name, "password": "correct horse"}
    await rest.post("/auth/register", json=credentials)
    tokens = (await rest.post("/auth/login", json=credentials)).json()
    return name, {"authorization": f"Bearer {tokens['access_token']}"}


async def kill_now_and_then(scene: Scene, choice: random.Random) -> None:
    """Kill a worker, or the S3 server, and wait until it is back; again and again."""
    while True:
        await asyncio.sleep(choice.uniform(0.5, 3))
        if scene.s3 and choice.random() < 0.5:
            scene.s3.kill()
            await asyncio.sleep(choice.uniform(0, 0.3))
            await asyncio.to_thread(scene.s3.start)
        else:
            # A worker that has not been started again yet cannot be killed.
            with suppress(LookupError):
                processes.worker(scene.stack, choice.randrange(2)).kill()


class TestCutUploads:
    async def test_acknowledged_backups_are_whole_and_nothing_is_left(
        self,
        scene: Scene,
        rest: httpx2.AsyncClient,
        users: dict[str, Headers],
        database: asyncpg.Connection,
    ) -> None:
        seed = random.randrange(2**32)
        print(f"seed {seed}, {CUTS} cuts")
        uploads = Uploads(rest, users, seed)
        killing = asyncio.create_task(kill_now_and_then(scene, random.Random(seed)))
        try:
            await uploads.run(CUTS)
        finally:
            killing.cancel()
            with suppress(asyncio.CancelledError):
                await killing
        assert uploads.cut >= CUTS
        await until_it_works(rest, users)
        await expire_leases(database)
        await uploads.wake_sweeper()
        await swept(database)
        count = await audit_entries(rest, users, uploads.ledger)
        acknowledged = sum(map(len, uploads.ledger.acknowledged.values()))
        print(f"{uploads.cut} cut, {acknowledged} acknowledged, {count} listed")
        assert count >= acknowledged >= WRITERS
        await audit_store(database, scene.objects, *scene.others)


class TestAudit:
    @pytest.mark.parametrize("planted", ["lost", "changed", "object", "incoming", "entry"])
    async def test_notices_what_is_wrong(
        self,
        scene: Scene,
        rest: httpx2.AsyncClient,
        database: asyncpg.Connection,
        planted: str,
    ) -> None:
        users = dict([await new_owner(rest)])
        uploads = Uploads(rest, users, 0)
        await uploads.run(0)
        await expire_leases(database)
        await uploads.wake_sweeper()
        await swept(database)

        async def audit() -> None:
            await audit_entries(rest, users, uploads.ledger)
            await audit_store(database, scene.objects, *scene.others)

        await audit()
        undo = await plant(planted, scene, database, uploads, next(iter(users)))
        with pytest.raises(AssertionError):
            await audit()
        await undo()
        await audit()


async def plant(
    planted: str, scene: Scene, database: asyncpg.Connection, uploads: Uploads, user: str
) -> Callable[[], Awaitable[None]]:
    """Damage something; return a function that undoes it."""
    backup_id = next(iter(uploads.ledger.acknowledged[user]))
    found = await database.fetchval("SELECT object_id FROM backups WHERE id = $1", backup_id)
    path = scene.objects / f"{found}.age"
    extra = (scene.others[0] if planted == "incoming" else scene.objects) / f"{uuid4()}.age"
    data = path.read_bytes()

    async def undo() -> None:
        path.write_bytes(data)
        extra.unlink(missing_ok=True)
        uploads.ledger.acknowledged[user].pop("x", None)

    if planted == "lost":
        path.unlink()
    elif planted == "changed":
        path.write_bytes(data[:-20] + bytes(20))
    elif planted == "entry":
        uploads.ledger.acknowledged[user]["x"] = "another"
    else:
        extra.parent.mkdir(exist_ok=True)
        extra.write_bytes(b"garbage")
    return undo


async def until_it_works(rest: httpx2.AsyncClient, users: dict[str, Headers]) -> None:
    """Wait until both workers and the store are back."""
    for _ in range(600):
        with suppress(httpx2.HTTPError):
            answers = [
                await rest.get("/backup", headers=headers) for headers in (*users.values(),) * 2
            ]
            if all(answer.status_code == 200 for answer in answers):
                return
        await asyncio.sleep(0.1)
    raise AssertionError("the stack did not recover")
