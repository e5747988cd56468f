"""Free disk space, and requests on a full disk."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from gymlocker.v2 import user_pb2

from server.errors import ResourceExhausted
from server.libraries.limits.free_disk import DiskWatch
from server.programs.demo.transport import CallError
from tests.libraries.limits.conftest import LimitedStack, World
from tests.libraries.limits.refusals import refused_for
from tests.support.client import bearer, event_of, follow
from tests.support.waiting import eventually_true

pytestmark = pytest.mark.extended


async def refused(call: Callable[[], Awaitable[object]]) -> bool:
    try:
        await call()
    except CallError:
        return True
    return False


async def accepted(call: Callable[[], Awaitable[object]]) -> bool:
    return not await refused(call)


class TestFullDisk:
    async def test_accepts_only_deletions(self, world: World, limited_stack: LimitedStack) -> None:
        client = world.client()
        user = await client.created_user()
        await client.send(user.id, b"message")
        secret = await client.new_secret(user)
        limited_stack.disk.mkdir()
        try:
            await eventually_true(lambda: refused(lambda: client.new_secret(user)))
            for call in (
                lambda: client.events.PutEvent(event_of(user)),
                lambda: client.send(user.id, b"another"),
                lambda: world.client().created_user(),
            ):
                with refused_for("DISK_FULL", seconds=3600):
                    await call()
            async with httpx2.AsyncClient(base_url=limited_stack.stack.url) as http:
                health = await http.get("/health")
                assert (health.status_code, health.json()["details"][0]["reason"]) == (
                    503,
                    "DISK_FULL",
                )
                response = await http.post("/user/create", json={})
                assert (response.status_code, response.headers["retry-after"]) == (429, "3600")
                headers = dict(bearer(await client.login(user)))
                csv = b"date,type,duration,notes\n2026-02-07,Running,30,\n"
                response = await http.post("/workouts/import", content=csv, headers=headers)
                assert response.json()["details"][0]["reason"] == "DISK_FULL"
            assert len(await client.take_messages(user)) == 1
            assert not (await client.feed(follow(user.id, secret))).invalid_follow_secrets
            await client.revoke(user, secret)
        finally:
            limited_stack.disk.rmdir()
        await eventually_true(lambda: accepted(lambda: client.new_secret(user)))
        await client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=user.id, password=user.password)
        )


class TestDiskWatch:
    @pytest.mark.parametrize(("free", "is_full"), [(49, True), (50, False)])
    async def test_reports_full_disk_below_the_minimum(self, free: int, is_full: bool) -> None:
        watch = DiskWatch(
            [Path("/data")], 5, statvfs=lambda _: SimpleNamespace(f_blocks=1000, f_bavail=free)
        )
        watch.check()
        await watch.refresh()
        if is_full:
            with pytest.raises(ResourceExhausted):
                watch.check()
        else:
            watch.check()
