"""Single pushes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from server.services.push.addresses import Addresses, SystemResolver
from server.services.push.model import DuePush
from server.services.push.pusher import (
    MAX_IN_FLIGHT,
    Outcome,
    Pusher,
    Result,
    backoff,
    retry_after,
)
from server.services.push.vapid import Vapid
from tests.services.push.device import CURVE, Device, text_of, verified_claims
from tests.services.push.receiver import Receiver
from tests.support.waiting import eventually

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class Rate:
    """A rate that keeps the hosts, and makes them wait."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.waits: dict[str, float] = {}

    async def take(self, host: str) -> float:
        self.hosts.append(host)
        return self.waits.get(host, 0)


@pytest.fixture
def rate() -> Rate:
    return Rate()


def pusher_of(rate: Rate, *, allow_private: bool = True) -> Pusher:
    addresses = Addresses(SystemResolver(), allow_private=allow_private)
    vapid = Vapid(ec.generate_private_key(CURVE), "mailto:ada@example.com")
    return Pusher(addresses, vapid, rate, allow_private=allow_private, now=lambda: NOW)


@pytest.fixture
async def pusher(receiver: Receiver, rate: Rate) -> AsyncIterator[Pusher]:
    pusher = pusher_of(rate)
    yield pusher
    await pusher.close()


@pytest.fixture
def device(receiver: Receiver) -> Device:
    return Device(f"{receiver.origin}/abc?d")


def push_of(device: Device, challenge: bytes | None = None, failures: int = 0) -> DuePush:
    return DuePush(uuid4(), uuid4(), device.subscription, challenge, NOW, NOW, failures)


class TestPush:
    async def test_tells_to_look(self, receiver: Receiver, pusher: Pusher, device: Device) -> None:
        assert await pusher.push(push_of(device)) == Outcome(Result.ACCEPTED)
        [push] = receiver.pushes
        assert device.read(push.body) == {"inbox": "waiting"}
        assert push.path == "/abc?d"
        wanted = {
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": "86400",
            "topic": "inbox",
            "urgency": "normal",
        }
        assert wanted.items() <= push.headers.items()

    async def test_sends_challenge(
        self, receiver: Receiver, pusher: Pusher, device: Device
    ) -> None:
        due = push_of(device, challenge=bytes(range(32)))
        assert await pusher.push(due) == Outcome(Result.ACCEPTED)
        [push] = receiver.pushes
        assert device.read(push.body) == {
            "challenge": text_of(bytes(range(32))),
            "endpointId": str(due.endpoint_id),
        }
        assert (push.headers["topic"], push.headers["urgency"]) == ("challenge", "high")

    async def test_sends_the_same_size_always(
        self, receiver: Receiver, pusher: Pusher, device: Device
    ) -> None:
        await pusher.push(push_of(device))
        await pusher.push(push_of(device, challenge=bytes(32)))
        assert len({len(push.body) for push in receiver.pushes}) == 1

    async def test_signs_push(self, receiver: Receiver, pusher: Pusher, device: Device) -> None:
        await pusher.push(push_of(device))
        claims = verified_claims(receiver.pushes[0].headers["authorization"], receiver.origin)
        assert claims["sub"] == "mailto:ada@example.com"
        assert 0 < claims["exp"] - datetime.now(UTC).timestamp() <= 24 * 3600

    @pytest.mark.parametrize(
        ("status", "result"),
        [
            *((status, Result.ACCEPTED) for status in (200, 201, 202, 204)),
            *((status, Result.GONE) for status in (404, 410)),
            *((status, Result.REFUSED) for status in (206, 301, 307, 400, 401, 403, 413)),
            *((status, Result.FAILED) for status in (429, 500, 502, 503)),
        ],
    )
    async def test_tells_result(
        self, receiver: Receiver, pusher: Pusher, device: Device, status: int, result: Result
    ) -> None:
        receiver.answer(status, "Location: /other")
        assert (await pusher.push(push_of(device))).result is result
        assert len(receiver.pushes) == 1

    @pytest.mark.parametrize("status", [429, 503])
    async def test_honours_retry_after(
        self, receiver: Receiver, pusher: Pusher, device: Device, status: int
    ) -> None:
        receiver.answer(status, "Retry-After: 3600")
        assert await pusher.push(push_of(device)) == Outcome(Result.FAILED, 60 * MINUTE)

    async def test_waits_longer_if_backoff_is_longer(
        self, receiver: Receiver, pusher: Pusher, device: Device
    ) -> None:
        receiver.answer(429, "Retry-After: 1")
        assert await pusher.push(push_of(device, failures=3)) == Outcome(Result.FAILED, 8 * MINUTE)

    async def test_fails_without_response(self, pusher: Pusher) -> None:
        device = Device("https://nowhere.invalid/abc")
        assert await pusher.push(push_of(device)) == Outcome(Result.FAILED, MINUTE)

    async def test_is_postponed_beyond_rate_of_host(
        self, receiver: Receiver, pusher: Pusher, device: Device, rate: Rate
    ) -> None:
        rate.waits["localhost"] = 7
        postponed = Outcome(Result.POSTPONED, timedelta(seconds=7))
        assert await pusher.push(push_of(device)) == postponed
        assert rate.hosts == ["localhost"]
        assert receiver.connections == 0

    async def test_is_postponed_beyond_rate_of_address(
        self, receiver: Receiver, pusher: Pusher, device: Device, rate: Rate
    ) -> None:
        """Anybody can have many names for the address of somebody else."""
        rate.waits |= {"127.0.0.1": 7, "::/64": 7}
        postponed = Outcome(Result.POSTPONED, timedelta(seconds=7))
        assert await pusher.push(push_of(device)) == postponed
        assert rate.hosts[0] == "localhost"
        assert receiver.connections == 0

    async def test_slow_host_leaves_room_for_others(
        self, receiver: Receiver, pusher: Pusher, device: Device
    ) -> None:
        # It never answers.
        receiver.answers.extend([b""] * MAX_IN_FLIGHT)
        slow = [asyncio.create_task(pusher.push(push_of(device))) for _ in range(MAX_IN_FLIGHT)]
        await eventually(lambda: len(receiver.pushes) == MAX_IN_FLIGHT)
        assert (await pusher.push(push_of(device))).result is Result.POSTPONED
        other = Device(device.endpoint.replace("localhost", "127.0.0.1"))
        # The certificate is for localhost, but it is tried.
        assert (await pusher.push(push_of(other))).result is Result.FAILED
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert (await pusher.push(push_of(device))).result is Result.ACCEPTED

    async def test_reaches_no_private_address(
        self, receiver: Receiver, rate: Rate, tmp_path: Path
    ) -> None:
        pusher = pusher_of(rate, allow_private=False)
        for host in ("localhost.example", "127.0.0.1", "[::1]", "[::ffff:7f00:1]"):
            device = Device(f"https://{host}/abc")
            outcome = await pusher.push(push_of(device))
            assert outcome.result in (Result.FORBIDDEN, Result.FAILED), host
        # Registered when private endpoints were allowed.
        outcome = await pusher.push(push_of(Device(f"{receiver.origin}/abc")))
        assert outcome.result is Result.FORBIDDEN
        assert receiver.connections == 0


class TestBackoff:
    def test_doubles_from_a_minute_to_six_hours(self) -> None:
        pauses = [backoff(failures) / MINUTE for failures in range(12)]
        assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("text", "pause"),
        [
            ("120", 2 * MINUTE),
            ("0", timedelta()),
            ("99999999", DAY),
            ("9" * 400, timedelta()),
            ("Sat, 28 Nov 2026 12:05:00 GMT", 5 * MINUTE),
            ("Sat, 28 Nov 2026 11:05:00 GMT", timedelta()),
            ("Sat, 28 Nov 2037 11:05:00 GMT", DAY),
            ("-5", timedelta()),
            ("1.5", timedelta()),
            ("²", timedelta()),
            ("", timedelta()),
            ("soon", timedelta()),
        ],
    )
    def test_returns_pause_of_at_most_a_day(self, text: str, pause: timedelta) -> None:
        assert retry_after(text, NOW) == pause
