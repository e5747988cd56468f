"""GetHealth asks each database once, however many ask it."""

import asyncio
from typing import cast

from gymlocker.v2 import system_pb2

from server.libraries.database.write_check import WriteCheck
from server.libraries.rpc.context import Context
from server.services.system.service import SystemService


class Counting:
    """A database that is looked at slowly."""

    def __init__(self) -> None:
        self.looks = 0
        self.go_on = asyncio.Event()

    async def require(self) -> None:
        """Counts a look."""
        self.looks += 1
        await self.go_on.wait()


async def test_many_who_ask_at_once_share_one_look() -> None:
    databases = {"main": Counting(), "rate_limits": Counting()}
    service = SystemService(cast(dict[str, WriteCheck], databases), (), lambda: None)
    request = system_pb2.GetHealthRequest()
    asking = [
        asyncio.create_task(service.GetHealth(request, cast(Context, None))) for _ in range(100)
    ]
    # One who hangs up takes the answer from nobody.
    await asyncio.sleep(0)
    asking.pop().cancel()
    for database in databases.values():
        database.go_on.set()
    assert {reply.status for reply in await asyncio.gather(*asking)} == {"ok"}
    assert [database.looks for database in databases.values()] == [1, 1]
    await service.GetHealth(request, cast(Context, None))
    assert [database.looks for database in databases.values()] == [2, 2]
