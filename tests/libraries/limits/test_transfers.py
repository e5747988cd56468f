"""Slots for transfers: their shares, evictions and deadlines."""

import asyncio
from contextlib import ExitStack
from uuid import uuid4

import pytest

from server.errors import ResourceExhausted, Unavailable
from server.libraries.limits import transfers as module
from server.libraries.limits.transfers import (
    MAX_TRANSFERS,
    MAX_TRANSFERS_PER_NETWORK,
    MAX_TRANSFERS_PER_OWNER,
    Transfer,
    Transfers,
)


def imports(*, per_network: int = MAX_TRANSFERS_PER_NETWORK) -> Transfers:
    return Transfers("imports", reason="TOO_MANY_IMPORTS", per_network=per_network)


async def arriving(transfers: Transfers, network: str) -> tuple[Transfer, asyncio.Task[None]]:
    """Start a transfer that never ends by itself."""
    begun: asyncio.Future[Transfer] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        with transfers.acquire(uuid4(), network) as transfer:
            async with transfer.flowing():
                begun.set_result(transfer)
                await asyncio.Event().wait()

    task = asyncio.create_task(run())
    return await begun, task


async def ended(task: asyncio.Task[None]) -> str:
    with pytest.raises(Unavailable) as error:
        await task
    return error.value.reason


class TestShares:
    async def test_rejects_owner_beyond_share(self) -> None:
        transfers, owner = imports(), uuid4()
        with ExitStack() as stack:
            for number in range(MAX_TRANSFERS_PER_OWNER):
                stack.enter_context(transfers.acquire(owner, str(number)))
            with pytest.raises(ResourceExhausted) as error:
                stack.enter_context(transfers.acquire(owner, "another"))
        assert (error.value.reason, error.value.retry_after) == ("TOO_MANY_IMPORTS", 5)

    async def test_rejects_network_beyond_share(self) -> None:
        transfers = imports(per_network=2)
        with ExitStack() as stack:
            for network in "aab":
                stack.enter_context(transfers.acquire(uuid4(), network))
            with pytest.raises(ResourceExhausted):
                stack.enter_context(transfers.acquire(uuid4(), "a"))


class TestEviction:
    async def test_aborts_longest_idle_transfer_of_greediest_network(self) -> None:
        transfers = imports()
        begun = [await arriving(transfers, "ab"[number % 2]) for number in range(MAX_TRANSFERS)]
        for transfer, _ in begun[:1] + begun[3:]:
            transfer.moved(1)
        with transfers.acquire(uuid4(), "c"):
            done, _ = await asyncio.wait(
                [task for _, task in begun], return_when=asyncio.FIRST_COMPLETED
            )
            assert done <= {begun[1][1], begun[2][1]}
            assert await ended(done.pop()) == "OVERLOADED"
        for _, task in begun:
            task.cancel()

    async def test_spares_networks_with_as_few_slots(self) -> None:
        transfers = imports()
        begun = [await arriving(transfers, str(number)) for number in range(MAX_TRANSFERS)]
        with pytest.raises(Unavailable) as error, transfers.acquire(uuid4(), "another"):
            pass
        assert (error.value.reason, error.value.retry_after) == ("OVERLOADED", 5)
        for _, task in begun:
            task.cancel()


class TestDeadline:
    async def test_aborts_idle_transfer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
        transfer, task = await arriving(imports(), "a")
        transfer.moved(0)
        assert await ended(task) == "UPLOAD_TOO_SLOW"

    async def test_aborts_slow_transfer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
        transfer, task = await arriving(imports(), "a")
        while not task.done():
            transfer.moved(1)
            await asyncio.sleep(0.01)
        assert await ended(task) == "UPLOAD_TOO_SLOW"
