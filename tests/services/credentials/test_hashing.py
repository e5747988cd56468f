"""Hashes of passwords, and the bounded pool of threads that makes them."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Awaitable
from uuid import uuid4

import pytest

from server.errors import Unavailable
from server.services.credentials.hashing import HashedPassword, PasswordHasher
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


def test_a_known_hash_matches_its_password_alone() -> None:
    known = HashedPassword(KEY, SALT)
    assert known.matches(PASSWORD)
    assert not known.matches(PASSWORD.upper())
    assert not HashedPassword(KEY, SALT[::-1]).matches(PASSWORD)
    assert not HashedPassword("", SALT).matches(PASSWORD)


@pytest.mark.parametrize("password", ["plain", "Füße und 体重", " leading and trailing "])
def test_a_new_hash_is_what_another_implementation_makes_of_it(password: str) -> None:
    hashed = HashedPassword.of(password)
    assert len(hashed.salt) == 64
    assert hashed.key == key_by_hashlib(password, hashed.salt)
    assert hashed.matches(password)


def test_the_same_password_is_never_hashed_to_the_same_key() -> None:
    first, second = HashedPassword.of("password"), HashedPassword.of("password")
    assert first.salt != second.salt
    assert first.key != second.key


class Gate(HashedPassword):
    """A hash whose check takes until it is let go on."""

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


def somewhere() -> str:
    """An address that nobody else calls from."""
    return str(uuid4())


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    """One thread, and a queue of two."""
    hasher = PasswordHasher(threads=1, queue=2)
    yield hasher
    hasher.close()


async def test_the_event_loop_goes_on_while_a_thread_hashes(hasher: PasswordHasher) -> None:
    gate = Gate()
    checking = asyncio.create_task(hasher.matches("right", gate, somewhere()))
    # Only a loop that is not blocked gets to open the gate.
    await eventually(lambda: len(gate.threads) == 1)
    gate.opened.set()
    assert await checking
    assert gate.threads[0] != threading.main_thread().name


async def test_new_hashes_are_made_in_the_pool_too(hasher: PasswordHasher) -> None:
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


async def test_when_the_queue_is_full_calls_are_shed_and_later_ones_served(
    hasher: PasswordHasher,
) -> None:
    gate = Gate()
    accepted = [asyncio.create_task(hasher.matches("right", gate, somewhere())) for _ in range(3)]
    await eventually(lambda: len(gate.threads) == 1)
    for _ in range(2):
        with pytest.raises(Unavailable) as rejected:
            await hasher.matches("right", gate, somewhere())
        assert rejected.value.reason == "OVERLOADED"
    gate.opened.set()
    assert await asyncio.gather(*accepted) == [True] * 3
    assert not await hasher.matches("wrong", gate, somewhere())


async def test_one_address_leaves_half_of_the_queue_to_others() -> None:
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


async def test_new_passwords_leave_places_to_those_that_are_checked() -> None:
    hasher, gate = PasswordHasher(threads=1, queue=4), Gate()
    ended: list[str] = []

    async def noted(name: str, work: Awaitable[object]) -> None:
        await work
        ended.append(name)

    first = asyncio.create_task(hasher.matches("right", gate, somewhere()))
    await eventually(lambda: len(gate.threads) == 1)
    # From as many addresses as there are passwords.
    new = [
        asyncio.create_task(noted("new", hasher.hash("password", somewhere()))) for _ in range(3)
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


async def test_of_several_threads_one_is_for_passwords_that_are_checked(
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


async def test_no_more_threads_hash_than_were_allowed() -> None:
    hasher, gate = PasswordHasher(threads=2, queue=8), Gate()
    checking = [asyncio.create_task(hasher.matches("right", gate, somewhere())) for _ in range(10)]
    await eventually(lambda: len(gate.threads) == 2)
    gate.opened.set()
    assert await asyncio.gather(*checking) == [True] * 10
    assert len(set(gate.threads)) == 2
    hasher.close()


async def test_a_call_that_was_cancelled_in_the_queue_leaves_room_for_another(
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


async def test_an_error_leaves_room_for_another(hasher: PasswordHasher) -> None:
    for _ in range(5):
        with pytest.raises(UnicodeEncodeError):
            await hasher.matches("\ud800", HashedPassword(KEY, SALT), "192.0.2.1")
    gate = Gate()
    gate.opened.set()
    assert await hasher.matches("right", gate, somewhere())
