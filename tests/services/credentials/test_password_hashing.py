"""Password hashes, and the bounded thread pool that computes them."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Awaitable

import pytest

from server.errors import Unavailable
from server.services.credentials.password_hashing import HashedPassword, PasswordHasher
from tests.services.credentials.failures import somewhere
from tests.support.waiting import eventually

# Made with `openssl kdf -keylen 64 -kdfopt digest:SHA512 -kdfopt iter:350000 ... PBKDF2`.
SALT = bytes(range(64))
PASSWORD = "b0c7a9e2-3f57-4a11-9d5e-0d2c1f6a7b88"
KEY = (
    "76A10408E2669722A81B968ED0404C3C4CCE5F0B995D2321784479D97D115AC2"
    "2A507425A51ED6A71432989DE112AF4F0B9F3CC9A53B192A9D242773FEC06FD9"
)


def key_by_hashlib(password: str, salt: bytes) -> str:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 350_000, 64).hex().upper()


class Gate(HashedPassword):
    """A hash whose check blocks until `opened` is set."""

    def __init__(self) -> None:
        super().__init__("", b"")
        object.__setattr__(self, "threads", list[str]())
        object.__setattr__(self, "opened", threading.Event())

    threads: list[str]
    opened: threading.Event

    def matches(self, password: str) -> bool:
        self.threads.append(threading.current_thread().name)
        assert self.opened.wait(30)
        return password == "right"


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    """Yield a hasher with one thread and a queue of two."""
    hasher = PasswordHasher(threads=1, queue=2)
    yield hasher
    hasher.close()


class TestHashedPassword:
    def test_known_hash_matches_only_its_password(self) -> None:
        known = HashedPassword(KEY, SALT)
        assert known.matches(PASSWORD)
        assert not known.matches(PASSWORD.upper())
        assert not HashedPassword(KEY, SALT[::-1]).matches(PASSWORD)
        assert not HashedPassword("", SALT).matches(PASSWORD)

    @pytest.mark.parametrize("password", ["plain", "Füße und 体重", " leading and trailing "])
    def test_new_hash_equals_that_of_hashlib(self, password: str) -> None:
        hashed = HashedPassword.of(password)
        assert len(hashed.salt) == 64
        assert hashed.key == key_by_hashlib(password, hashed.salt)
        assert hashed.matches(password)

    def test_same_password_has_different_hashes(self) -> None:
        first, second = HashedPassword.of("password"), HashedPassword.of("password")
        assert first.salt != second.salt
        assert first.key != second.key


class TestPasswordHasher:
    async def test_check_does_not_block_the_event_loop(self, hasher: PasswordHasher) -> None:
        gate = Gate()
        checking = asyncio.create_task(hasher.matches("right", gate, somewhere()))
        # Only a loop that is not blocked can open the gate.
        await eventually(lambda: len(gate.threads) == 1)
        gate.opened.set()
        assert await checking
        assert gate.threads[0] != threading.main_thread().name

    async def test_new_hashes_use_the_pool(self, hasher: PasswordHasher) -> None:
        gate = Gate()
        checking = asyncio.create_task(hasher.matches("right", gate, somewhere()))
        await eventually(lambda: len(gate.threads) == 1)
        hashing = asyncio.create_task(hasher.hash("password", somewhere()))
        waiting = asyncio.create_task(hasher.hash("password", somewhere()))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await hasher.hash("password", somewhere())
        gate.opened.set()
        assert await checking
        assert (await hashing).matches("password")
        assert (await waiting).salt != (await hashing).salt

    async def test_uses_no_more_threads_than_allowed(self) -> None:
        hasher, gate = PasswordHasher(threads=2, queue=8), Gate()
        checking = [
            asyncio.create_task(hasher.matches("right", gate, somewhere())) for _ in range(10)
        ]
        await eventually(lambda: len(gate.threads) == 2)
        gate.opened.set()
        assert await asyncio.gather(*checking) == [True] * 10
        assert len(set(gate.threads)) == 2
        hasher.close()

    async def test_reserves_one_of_several_threads_for_checks(
        self,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        hasher, started, opened = PasswordHasher(threads=2, queue=8), list[str](), threading.Event()

        def hash_slowly(password: str) -> HashedPassword:
            started.append(password)
            assert opened.wait(30)
            return HashedPassword("", b"")

        monkeypatch.setattr(HashedPassword, "of", hash_slowly)
        new = [asyncio.create_task(hasher.hash("new", somewhere())) for _ in range(4)]
        await eventually(lambda: len(started) == 1)
        assert await hasher.matches(PASSWORD, HashedPassword(KEY, SALT), somewhere())
        assert len(started) == 1
        opened.set()
        await asyncio.gather(*new)
        hasher.close()


class TestQueue:
    async def test_rejects_when_full_and_recovers(
        self,
        hasher: PasswordHasher,
    ) -> None:
        gate = Gate()
        accepted = [
            asyncio.create_task(hasher.matches("right", gate, somewhere())) for _ in range(3)
        ]
        await eventually(lambda: len(gate.threads) == 1)
        for _ in range(2):
            with pytest.raises(Unavailable) as rejected:
                await hasher.matches("right", gate, somewhere())
            assert rejected.value.reason == "OVERLOADED"
        gate.opened.set()
        assert await asyncio.gather(*accepted) == [True] * 3
        assert not await hasher.matches("wrong", gate, somewhere())

    async def test_one_address_gets_at_most_half(self) -> None:
        hasher, gate = PasswordHasher(threads=1, queue=4), Gate()
        mine = [asyncio.create_task(hasher.matches("right", gate, "192.0.2.1")) for _ in range(3)]
        await eventually(lambda: len(gate.threads) == 1)
        with pytest.raises(Unavailable):
            await hasher.matches("right", gate, "192.0.2.1")
        others = [asyncio.create_task(hasher.matches("right", gate, somewhere())) for _ in range(2)]
        await asyncio.sleep(0)
        gate.opened.set()
        assert await asyncio.gather(*mine, *others) == [True] * 5
        assert await hasher.matches("right", gate, "192.0.2.1")
        hasher.close()

    async def test_new_passwords_leave_room_for_checks(self) -> None:
        hasher, gate = PasswordHasher(threads=1, queue=4), Gate()
        ended: list[str] = []

        async def noted(name: str, work: Awaitable[object]) -> None:
            await work
            ended.append(name)

        first = asyncio.create_task(hasher.matches("right", gate, somewhere()))
        await eventually(lambda: len(gate.threads) == 1)
        # Each from another address.
        new = [
            asyncio.create_task(noted("new", hasher.hash("password", somewhere())))
            for _ in range(3)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await hasher.hash("password", somewhere())
        checked = asyncio.create_task(noted("checked", hasher.matches("right", gate, somewhere())))
        await asyncio.sleep(0)
        assert (hasher.running, hasher.waiting) == (1, 4)
        gate.opened.set()
        await asyncio.gather(first, checked, *new)
        assert ended == ["checked", "new", "new", "new"]
        assert (hasher.running, hasher.waiting) == (0, 0)
        hasher.close()

    async def test_cancelled_call_frees_its_place(
        self,
        hasher: PasswordHasher,
    ) -> None:
        gate = Gate()
        first, second, third = (
            asyncio.create_task(hasher.matches("right", gate, somewhere())) for _ in range(3)
        )
        await eventually(lambda: len(gate.threads) == 1)
        third.cancel()
        with pytest.raises(asyncio.CancelledError):
            await third
        fourth = asyncio.create_task(hasher.matches("right", gate, somewhere()))
        gate.opened.set()
        assert all(await asyncio.gather(first, second, fourth))
        assert len(gate.threads) == 3

    async def test_failed_call_frees_its_place(self, hasher: PasswordHasher) -> None:
        for _ in range(5):
            with pytest.raises(UnicodeEncodeError):
                await hasher.matches("\ud800", HashedPassword(KEY, SALT), "192.0.2.1")
        gate = Gate()
        gate.opened.set()
        assert await hasher.matches("right", gate, somewhere())
