"""Slots for uploads: their shares, evictions and deadlines."""

import asyncio
from contextlib import ExitStack
from uuid import uuid4

import pytest

from server.errors import ResourceExhausted, Unavailable
from server.services.workout import upload as module
from server.services.workout.upload import MAX_UPLOADS, MAX_UPLOADS_PER_OWNER, Upload, Uploads


async def arriving(uploads: Uploads, network: str) -> tuple[Upload, asyncio.Task[None]]:
    """Start an upload that never ends by itself."""
    begun: asyncio.Future[Upload] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        with uploads.acquire(uuid4(), network) as upload:
            async with upload.receiving():
                begun.set_result(upload)
                await asyncio.Event().wait()

    task = asyncio.create_task(run())
    return await begun, task


async def ended(task: asyncio.Task[None]) -> str:
    with pytest.raises(Unavailable) as error:
        await task
    return error.value.reason


class TestShares:
    async def test_rejects_owner_beyond_share(self) -> None:
        uploads, owner = Uploads(), uuid4()
        with ExitStack() as stack:
            for number in range(MAX_UPLOADS_PER_OWNER):
                stack.enter_context(uploads.acquire(owner, str(number)))
            with pytest.raises(ResourceExhausted) as error:
                stack.enter_context(uploads.acquire(owner, "another"))
        assert (error.value.reason, error.value.retry_after) == ("TOO_MANY_IMPORTS", 5)

    async def test_rejects_network_beyond_share(self) -> None:
        uploads = Uploads(per_network=2)
        with ExitStack() as stack:
            for network in "aab":
                stack.enter_context(uploads.acquire(uuid4(), network))
            with pytest.raises(ResourceExhausted):
                stack.enter_context(uploads.acquire(uuid4(), "a"))


class TestEviction:
    async def test_aborts_longest_idle_upload_of_greediest_network(self) -> None:
        uploads = Uploads()
        begun = [await arriving(uploads, "ab"[number % 2]) for number in range(MAX_UPLOADS)]
        for upload, _ in begun[:1] + begun[3:]:
            upload.received(1)
        with uploads.acquire(uuid4(), "c"):
            done, _ = await asyncio.wait(
                [task for _, task in begun], return_when=asyncio.FIRST_COMPLETED
            )
            assert done <= {begun[1][1], begun[2][1]}
            assert await ended(done.pop()) == "OVERLOADED"
        for _, task in begun:
            task.cancel()

    async def test_spares_networks_with_as_few_slots(self) -> None:
        uploads = Uploads()
        begun = [await arriving(uploads, str(number)) for number in range(MAX_UPLOADS)]
        with pytest.raises(Unavailable) as error, uploads.acquire(uuid4(), "another"):
            pass
        assert (error.value.reason, error.value.retry_after) == ("OVERLOADED", 5)
        for _, task in begun:
            task.cancel()


class TestDeadline:
    async def test_aborts_idle_upload(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
        upload, task = await arriving(Uploads(), "a")
        upload.received(0)
        assert await ended(task) == "UPLOAD_TOO_SLOW"

    async def test_aborts_slow_upload(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
        upload, task = await arriving(Uploads(), "a")
        while not task.done():
            upload.received(1)
            await asyncio.sleep(0.01)
        assert await ended(task) == "UPLOAD_TOO_SLOW"
