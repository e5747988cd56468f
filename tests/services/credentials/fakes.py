"""Fakes around a PasswordAuthenticator, which record their calls."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from server.errors import ResourceExhausted, Unauthenticated, Unavailable
from server.services.credentials.password_authenticator import PasswordAuthenticator
from server.services.credentials.password_hashing import HashedPassword, PasswordHasher

ANN, BOB = uuid4(), uuid4()
MEMORY_SECONDS = 900.0
ADDRESS = "192.0.2.1"


class CountingHasher(PasswordHasher):
    """Hasher that records passwords. A key is the password itself; `gate` holds results back."""

    def __init__(self) -> None:
        super().__init__(threads=1, queue=1)
        self.requested: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.overloaded = False

    async def matches(self, password: str, hashed: HashedPassword, address: str) -> bool:
        self.requested.append(password)
        await self.gate.wait()
        if self.overloaded:
            raise Unavailable("Too much to do.", reason="OVERLOADED")
        return password == hashed.key


@dataclass
class Stored:
    """Store of passwords in memory."""

    keys: dict[UUID, str]
    refused: dict[UUID, float] = field(default_factory=dict)

    async def get(self, user_id: UUID) -> HashedPassword | None:
        key = self.keys.get(user_id)
        return None if key is None else HashedPassword(key, b"salt", user_id in self.refused)

    async def guessed(self, user_id: UUID, seconds: float) -> None:
        self.refused[user_id] = seconds


@dataclass
class FakeLimit:
    """Limit that records its calls and refuses everything when `used_up`."""

    used_up: bool = False
    checked: list[tuple[str, str]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    known: list[tuple[str, str]] = field(default_factory=list)
    # For how long the account is refused after a failure.
    refused_for: float = 0

    async def check(self, account: str, address: str) -> None:
        self.checked.append((account, address))
        if self.used_up:
            raise ResourceExhausted("Too many.", reason="TOO_MANY_PASSWORDS", retry_after=7)

    async def failed(self, account: str, address: str) -> float:
        self.failures.append((account, address))
        return self.refused_for

    async def succeeded(self, account: str, address: str) -> None:
        self.known.append((account, address))


@dataclass
class Scene:
    """An authenticator and its fakes."""

    memory_seconds: float = MEMORY_SECONDS
    hasher: CountingHasher = field(default_factory=CountingHasher)
    stored: Stored = field(default_factory=lambda: Stored({ANN: "anns", BOB: "bobs"}))
    limit: FakeLimit = field(default_factory=FakeLimit)
    touched: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.authenticator = PasswordAuthenticator(
            self.stored,
            self.hasher,
            self.limit,
            memory_seconds=self.memory_seconds,
            touch=self.touched.append,
        )

    async def accepts(self, user_id: UUID, password: str, address: str = ADDRESS) -> bool:
        """Return whether a password authenticates."""
        try:
            await self.authenticator.authenticate(user_id, password, address)
        except Unauthenticated:
            return False
        return True

    def calls(self, number: int, password: str) -> list[asyncio.Task[Any]]:
        """Start concurrent authentications of ANN."""
        return [asyncio.create_task(self.accepts(ANN, password)) for _ in range(number)]


async def run_tasks() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)
