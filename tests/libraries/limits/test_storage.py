"""What one network may store in a day, and a disk that is full."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import asyncpg
import httpx2
import pytest
from gymlocker.v2 import user_pb2, workout_pb2

from server.errors import ResourceExhausted
from server.libraries.limits.free_disk import DiskWatch
from server.libraries.limits.interceptor import stores
from server.libraries.limits.storage_meter import DAY_SECONDS, StorageMeter
from server.programs.demo.transport import CallError
from server.programs.worker.contract import contract_methods
from tests.libraries.limits.conftest import STORAGE, Bounded, World
from tests.libraries.limits.refusals import refused_for
from tests.support.client import KIB, bearer, event_of, follow, update_of
from tests.support.waiting import eventually_true

# What may be done where nothing more is to be stored; all other changes store something.
ALLOWED = {
    "DeleteUser",
    "DeleteFollowSecret",
    "DeleteWorkout",
    "GetInboxMessages",
    "Login",
    "RefreshToken",
    "Logout",
    "ChangePassword",
    "GenerateWorkoutPlan",
    "GenerateSession",
    "Chat",
    "StreamChat",
}


def test_all_that_changes_something_is_bounded_but_for_few() -> None:
    methods = contract_methods().values()
    exempt = {one.name for one in methods if one.has_side_effects and not stores(one)}
    assert exempt == ALLOWED
    assert not any(stores(one) for one in methods if not one.has_side_effects)


async def refused(call: Callable[[], Awaitable[object]]) -> bool:
    try:
        await call()
    except CallError:
        return True
    return False


async def test_a_network_stores_so_much_in_a_day(world: World) -> None:
    network = world.network()
    client, neighbour = network.client(), network.client(host=2)
    user = await client.created_user()
    update = update_of(user)
    update.encrypted_profile_picture = bytes(STORAGE + KIB)
    await client.users.UpdateUser(update)
    # Each worker learns it when it writes what it counted.
    event = event_of(user)
    await eventually_true(lambda: refused(lambda: neighbour.events.PutEvent(event)))
    with refused_for("QUOTA_EXCEEDED"):
        await client.events.PutEvent(event_of(user))
    assert (await client.profile(user.id)).id == user.id
    elsewhere = world.client()
    await elsewhere.events.PutEvent(event_of(user))
    secret = await elsewhere.new_secret(user)
    assert (await client.feed(follow(user.id, secret))).events
    await client.revoke(user, secret)


async def test_on_a_full_disk_only_deletions_are_accepted(world: World, bounded: Bounded) -> None:
    client = world.client()
    user = await client.created_user()
    await client.send(user.id, b"message")
    secret = await client.new_secret(user)
    bounded.disk.mkdir()
    try:
        await eventually_true(lambda: refused(lambda: client.new_secret(user)))
        for call in (
            lambda: client.events.PutEvent(event_of(user)),
            lambda: client.send(user.id, b"another"),
            lambda: world.client().created_user(),
        ):
            with refused_for("DISK_FULL", seconds=3600):
                await call()
        async with httpx2.AsyncClient(base_url=bounded.stack.url) as http:
            health = await http.get("/health")
            assert (health.status_code, health.json()["details"][0]["reason"]) == (503, "DISK_FULL")
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
        bounded.disk.rmdir()
    await eventually_true(lambda: accepted(lambda: client.new_secret(user)))
    await client.users.DeleteUser(user_pb2.DeleteUserRequest(id=user.id, password=user.password))


async def accepted(call: Callable[[], Awaitable[object]]) -> bool:
    return not await refused(call)


@pytest.mark.parametrize(("free", "is_full"), [(49, True), (50, False)])
async def test_a_disk_is_full_below_5_percent(free: int, is_full: bool) -> None:
    watch = DiskWatch(
        Path("/data"), 5, statvfs=lambda _: SimpleNamespace(f_blocks=1000, f_bavail=free)
    )
    watch.check()
    await watch.look()
    if is_full:
        with pytest.raises(ResourceExhausted):
            watch.check()
    else:
        watch.check()


class Buckets:
    """Buckets of one network that other workers count, too."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def add(self, seconds: Mapping[bytes, float]) -> dict[bytes, float]:
        [(key, more)] = seconds.items()
        self.seconds += more
        return {key: self.seconds}


async def test_workers_count_together_and_time_makes_room() -> None:
    now = [0.0]
    buckets = Buckets()
    meters = [StorageMeter(buckets, 100, clock=lambda: now[0]) for _ in range(2)]
    for meter in meters:
        meter.add("network", 75)
        meter.check("network")
        await meter.flush()
    meters[0].check("network")
    with pytest.raises(ResourceExhausted) as raised:
        meters[1].check("network")
    assert raised.value.retry_after == DAY_SECONDS / 2
    meters[1].check("another")
    now[0] = DAY_SECONDS / 2
    meters[1].check("network")
    # Nothing is kept of who was full once.
    await meters[1].flush()
    assert "network" not in meters[1]._full_until


async def test_a_log_has_100_000_workouts(
    world: World, bounded: Bounded, table: asyncpg.Connection
) -> None:
    client = world.client()
    user = await client.created_user()
    metadata = bearer(await client.login(user))
    # The sums of each day are what is counted.
    await table.execute(
        "INSERT INTO workout_days VALUES ($1, '2026-01-01', 'running', 99999, 99999)",
        UUID(user.id),
    )
    create = [
        workout_pb2.CreateWorkoutRequest(
            date="2026-02-07", type="Running", duration=30, request_id=name
        )
        for name in ("first", "second")
    ]
    first = await client.workouts.CreateWorkout(create[0], metadata=metadata)
    with refused_for("QUOTA_EXCEEDED", seconds=3600):
        await client.workouts.CreateWorkout(create[1], metadata=metadata)
    # One that is there is no other.
    assert await client.workouts.CreateWorkout(create[0], metadata=metadata) == first
    async with httpx2.AsyncClient(base_url=bounded.stack.url, headers=dict(metadata)) as http:
        csv = b"date,type,duration,notes\n2026-02-08,Running,30,\n2026-02-09,Running,30,\n"
        response = await http.post("/workouts/import", content=csv)
        assert response.status_code == 429, response.text
        assert response.json()["details"][0]["reason"] == "QUOTA_EXCEEDED"
        listed = (await http.get("/workouts")).json()["workouts"]
    assert [workout["id"] for workout in listed] == [first.id]
