"""Backups over HTTP, as LiftLog's app and curl use them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from grpc import aio

from tests.services.backup.contents import GZIP, KIB, MIB, new_contents, sha256
from tests.services.backup.owners import RestOwner
from tests.support.client import Client, User, bearer
from tests.support.rest import error_of
from tests.support.stack import Stack
from tests.support.tools import require

PROBE = {"X-LiftLog-Probe": "true"}


@pytest.fixture
async def owner(channel: aio.Channel, users: list[User], rest: httpx2.AsyncClient) -> RestOwner:
    return RestOwner(users[0], bearer(await Client(channel).login(users[0])), rest)


@pytest.fixture
async def http(stack: Stack, owner: RestOwner) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the owner."""
    headers = dict(owner.credentials)
    async with httpx2.AsyncClient(base_url=stack.url, headers=headers, timeout=30) as http:
        yield http


async def answer(stack: Stack, head: str, body: bytes = b"") -> bytes:
    """Send a request with this head, and the body while the response is awaited."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.port)
    writer.write(f"POST /backup HTTP/1.1\r\nHost: gymlocker\r\n{head}\r\n".encode())

    async def send() -> None:
        for start in range(0, len(body), MIB):
            data = body[start : start + MIB]
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        return await asyncio.wait_for(reader.readline(), 30)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        # What was not sent is dropped.
        writer.transport.abort()


class TestProbe:
    @pytest.mark.parametrize("body", [b"", new_contents()], ids=["empty", "with a backup"])
    async def test_stores_nothing(self, owner: RestOwner, body: bytes) -> None:
        headers = {**dict(owner.credentials), **PROBE}
        response = await owner.http.post("/backup", content=body, headers=headers)
        assert response.status_code == 200
        assert isinstance(response.json(), dict)
        assert await owner.all() == []

    async def test_requires_credentials(self, rest: httpx2.AsyncClient) -> None:
        error_of(await rest.post("/backup", headers=PROBE), 401)
        invalid = {**PROBE, "x-api-key": "glk_" + "x" * 43}
        error_of(await rest.post("/backup", headers=invalid), 401)

    async def test_empty_body_without_the_header_is_rejected(self, owner: RestOwner) -> None:
        response = await owner.http.post("/backup", headers=dict(owner.credentials))
        error_of(response, 400)


class TestPost:
    @pytest.mark.parametrize(
        "content_type", ["", "application/octet-stream", "application/gzip", "text/plain"]
    )
    async def test_accepts_any_content_type(self, owner: RestOwner, content_type: str) -> None:
        data = new_contents()
        headers = dict(owner.credentials) | ({"content-type": content_type} if content_type else {})
        response = await owner.http.post("/backup?from=app", content=data, headers=headers)
        assert response.status_code == 200, response.text
        body = response.json()
        assert body.keys() == {"id", "size", "sha256", "createTime"}
        assert (body["size"], body["sha256"]) == (len(data), sha256(data))
        assert await owner.download() == data

    async def test_accepts_body_without_a_length(self, owner: RestOwner) -> None:
        data = new_contents(3 * MIB)

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(data), 100 * KIB):
                yield data[start : start + 100 * KIB]

        headers = dict(owner.credentials)
        response = await owner.http.post("/v2/backup", content=chunks(), headers=headers)
        assert response.json()["sha256"] == sha256(data)

    async def test_rejects_form(self, owner: RestOwner) -> None:
        files = {"file": ("x.liftlogbackup.gz", new_contents(), "application/gzip")}
        response = await owner.http.post("/backup", files=files, headers=dict(owner.credentials))
        error_of(response, 400)

    async def test_rejects_compressed_transfer(self, owner: RestOwner) -> None:
        headers = {**dict(owner.credentials), "content-encoding": "gzip"}
        error_of(await owner.http.post("/backup", content=new_contents(), headers=headers), 415)

    async def test_rejects_larger_length_at_once(self, owner: RestOwner, stack: Stack) -> None:
        head = f"Authorization: {dict(owner.credentials)['authorization']}\r\n"
        length = f"Content-Length: {64 * MIB + 1}\r\n"
        # Nothing of the body is sent.
        assert b" 413 " in await answer(stack, head + length)

    async def test_rejects_larger_body_without_a_length(
        self, owner: RestOwner, stack: Stack
    ) -> None:
        head = f"Authorization: {dict(owner.credentials)['authorization']}\r\n"
        head += "Transfer-Encoding: chunked\r\n"
        assert b" 413 " in await answer(stack, head, GZIP + bytes(70 * MIB))
        assert await owner.all() == []


class TestGet:
    async def test_returns_the_file_with_its_headers(
        self, owner: RestOwner, http: httpx2.AsyncClient
    ) -> None:
        data = new_contents(700 * KIB)
        backup = await owner.upload(data)
        for path in ("/backup", f"/backups/{backup.id}", f"/v2/backups/{backup.id}"):
            response = await http.get(path, headers={"accept-encoding": "gzip, deflate, br"})
            assert response.status_code == 200
            assert response.content == data
            headers = response.headers
            assert headers["content-type"] == "application/gzip"
            assert headers["etag"] == f'"{sha256(data)}"'
            assert headers["content-length"] == str(len(data))
            assert headers["content-disposition"] == (
                f'attachment; filename="{backup.create_time.ToDatetime():%Y-%m-%dT%H%M%SZ}'
                '.liftlogbackup.gz"'
            )
            assert headers["cache-control"] == "no-store"
            assert "content-encoding" not in headers
            assert not {name for name in headers if name.startswith("x-content-l")}

    async def test_head_has_the_same_headers(
        self, owner: RestOwner, http: httpx2.AsyncClient
    ) -> None:
        backup = await owner.upload(new_contents(5000))
        for path in ("/backup", f"/backups/{backup.id}"):
            head, get = await http.head(path), await http.get(path)
            assert (head.status_code, head.content) == (200, b"")
            for name in ("etag", "content-length", "content-type", "content-disposition"):
                assert head.headers[name] == get.headers[name]

    async def test_head_without_backups_is_404(self, http: httpx2.AsyncClient) -> None:
        for path in ("/backup", f"/backups/{uuid4()}"):
            response = await http.head(path)
            assert (response.status_code, response.content) == (404, b"")

    @pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"a", "{}"', "*", 'W/"x" ,W/"{}"'])
    async def test_known_backup_is_not_modified(
        self, owner: RestOwner, http: httpx2.AsyncClient, form: str
    ) -> None:
        data = new_contents()
        await owner.upload(data)
        headers = {"if-none-match": form.format(sha256(data))}
        for send in (http.get, http.head):
            response = await send("/backup", headers=headers)
            assert (response.status_code, response.content) == (304, b"")
            assert response.headers["etag"] == f'"{sha256(data)}"'

    @pytest.mark.parametrize("value", ["", '"x"', "{}", '"{}', "W/*", '"*"'])
    async def test_other_tags_get_the_backup(
        self, owner: RestOwner, http: httpx2.AsyncClient, value: str
    ) -> None:
        data = new_contents()
        await owner.upload(data)
        headers = {"if-none-match": value.format(sha256(data))}
        response = await http.get("/backup", headers=headers)
        assert (response.status_code, response.content) == (200, data)

    async def test_not_modified_needs_no_store(
        self, owner: RestOwner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        data = new_contents()
        await owner.upload(data)
        with without(await object_of(owner, stack, database)):
            headers = {**dict(owner.credentials), "if-none-match": f'"{sha256(data)}"'}
            assert (await owner.http.get("/backup", headers=headers)).status_code == 304
            assert (await owner.http.head("/backup", headers=headers)).status_code == 304


class TestBrokenStore:
    async def test_lost_object_is_unavailable(
        self, owner: RestOwner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        await owner.upload(new_contents())
        with without(await object_of(owner, stack, database)):
            response = await owner.http.get("/backup", headers=dict(owner.credentials))
            reason = error_of(response, 503)["details"][0]["reason"]
        assert reason == "BACKUP_STORE_UNAVAILABLE"

    async def test_object_that_breaks_midway_breaks_the_download(
        self,
        owner: RestOwner,
        http: httpx2.AsyncClient,
        stack: Stack,
        database: asyncpg.Connection,
    ) -> None:
        data = new_contents(3 * MIB)
        await owner.upload(data)
        path = await object_of(owner, stack, database)
        with changed(path, at=2 * MIB), pytest.raises(httpx2.RemoteProtocolError):
            await http.get("/backup")
        assert (await http.get("/backup")).content == data


async def curl(version: str, url: str, owner: RestOwner) -> int:
    """Download with curl; return its exit status."""
    require("curl")
    header = f"authorization: {dict(owner.credentials)['authorization']}"
    command = ("curl", "--silent", "--max-time", "30", version, "--header", header, url)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    return await process.wait()


async def object_of(owner: RestOwner, stack: Stack, database: asyncpg.Connection) -> Path:
    """Return the file of the owner's only backup."""
    query = "SELECT object_id FROM backups WHERE user_id = $1"
    object_id = await database.fetchval(query, UUID(owner.user.id))
    return stack.data_dir / "backups" / "objects" / f"{object_id}.age"


@contextmanager
def without(path: Path) -> Iterator[None]:
    """Move a file away inside."""
    away = path.with_suffix(".away")
    path.rename(away)
    yield
    away.rename(path)


@contextmanager
def changed(path: Path, at: int) -> Iterator[None]:
    """Change a few bytes of a file inside."""
    data = path.read_bytes()
    path.write_bytes(data[:at] + b"XXXX" + data[at + 4 :])
    yield
    path.write_bytes(data)
