"""Storage of one network per day."""

from collections.abc import Awaitable, Callable, Mapping

import pytest

from server.errors import ResourceExhausted
from server.libraries.limits.storage_meter import DAY_SECONDS, StorageMeter
from server.programs.demo.transport import CallError
from tests.libraries.limits.conftest import STORAGE, World
from tests.libraries.limits.refusals import refused_for
from tests.support.client import KIB, event_of, follow, update_of
from tests.support.waiting import eventually_true


async def refused(call: Callable[[], Awaitable[object]]) -> bool:
    try:
        await call()
    except CallError:
        return True
    return False


class Buckets:
    """Bucket of one network, shared by all workers."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def add(self, seconds: Mapping[bytes, float]) -> dict[bytes, float]:
        [(key, more)] = seconds.items()
        self.seconds += more
        return {key: self.seconds}


class TestStorageOfNetwork:
    async def test_is_limited_per_day(self, world: World) -> None:
        network = world.network()
        client, neighbour = network.client(), network.client(host=2)
        user = await client.created_user()
        update = update_of(user)
        update.encrypted_profile_picture = bytes(STORAGE + KIB)
        await client.users.UpdateUser(update)
        # Each worker notices when it flushes its counts.
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


class TestStorageMeter:
    async def test_sums_bytes_of_all_workers_and_resets_over_time(self) -> None:
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
        # Networks below the limit are forgotten.
        await meters[1].flush()
        assert "network" not in meters[1]._full_until
