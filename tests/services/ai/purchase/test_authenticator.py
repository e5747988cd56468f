"""Authentication of purchase tokens, and the cache of the stores' results."""

import asyncio
from dataclasses import dataclass, field

import pytest
from structlog.testing import LogCapture

from server.errors import ResourceExhausted, Unauthenticated, Unavailable
from server.services.ai.purchase import authenticator as module
from server.services.ai.purchase.authenticator import (
    GRANTED_SECONDS,
    MAX_CONCURRENT,
    MAX_LENGTH,
    MAX_PER_NETWORK,
    REFUSED_SECONDS,
    PurchaseAuthenticator,
)
from server.services.ai.purchase.model import Purchase, Store, purchase_of
from tests.services.ai.purchase.conftest import FakeLimit

HERE, THERE = "192.0.2.1", "192.0.2.2"


@dataclass
class FakeStore:
    """A store that sells `good`. A closed `gate` delays its results."""

    tokens: list[str] = field(default_factory=list)
    error: Exception | None = None
    good: str = "good"

    def __post_init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def verify(self, token: str) -> bool:
        self.tokens.append(token)
        await self.gate.wait()
        if self.error:
            raise self.error
        return token == self.good


@dataclass
class Scene:
    timeout_seconds: float = 10
    limit: FakeLimit = field(default_factory=FakeLimit)

    def __post_init__(self) -> None:
        self.now = 0.0
        self.google, self.apple = FakeStore(), FakeStore()
        self.authenticator = PurchaseAuthenticator(
            {Store.GOOGLE: self.google, Store.APPLE: self.apple},
            self.limit,
            clock=lambda: self.now,
            timeout_seconds=self.timeout_seconds,
        )

    async def authenticate(self, header: str | None) -> Purchase:
        return await self.authenticator.authenticate(header, HERE)

    async def refused(self, header: str | None) -> Unauthenticated:
        with pytest.raises(Unauthenticated) as caught:
            await self.authenticate(header)
        return caught.value

    async def unavailable(self, header: str) -> Unavailable:
        with pytest.raises(Unavailable) as caught:
            await self.authenticate(header)
        assert caught.value.reason == "STORE_UNAVAILABLE"
        return caught.value


@pytest.fixture
async def scene() -> Scene:
    return Scene()


class TestHeader:
    async def test_returns_purchase_with_hash(self, scene: Scene) -> None:
        purchase = await scene.authenticate("Bearer Google good")
        assert purchase == purchase_of(Store.GOOGLE, "good")

    @pytest.mark.parametrize("header", [None, "", "  "])
    async def test_rejects_missing_header(self, scene: Scene, header: str | None) -> None:
        assert (await scene.refused(header)).reason == "PURCHASE_TOKEN_MISSING"

    async def test_all_rejections_have_one_text(self, scene: Scene) -> None:
        headers = [
            "nonsense",
            "Bearer x",
            "Google bad",
            "Web good",
            f"Google {'a' * (MAX_LENGTH + 1)}",
        ]
        refusals = [await scene.refused(header) for header in headers]
        assert {(error.reason, error.message) for error in refusals} == {
            ("INVALID_PURCHASE_TOKEN", "The purchase token is not valid.")
        }

    async def test_rejects_oversized_token_without_a_request(self, scene: Scene) -> None:
        scene.google.good = "a" * MAX_LENGTH
        await scene.refused(f"Google {'a' * (MAX_LENGTH + 1)}")
        assert scene.google.tokens == []
        await scene.authenticate(f"Google {'a' * MAX_LENGTH}")


class TestCache:
    async def test_keeps_valid_tokens_for_minutes(self, scene: Scene) -> None:
        for scene.now in (0, GRANTED_SECONDS - 1):
            await scene.authenticate("Google good")
        assert scene.google.tokens == ["good"]
        scene.now = GRANTED_SECONDS + 1
        await scene.authenticate("Google good")
        assert scene.google.tokens == ["good", "good"]

    async def test_keeps_invalid_tokens_for_seconds(self, scene: Scene) -> None:
        for scene.now in (0, REFUSED_SECONDS - 1):
            await scene.refused("Google bad")
        assert scene.google.tokens == ["bad"]
        scene.google.good, scene.now = "bad", REFUSED_SECONDS + 1
        await scene.authenticate("Google bad")
        assert scene.google.tokens == ["bad", "bad"]

    async def test_separates_stores(self, scene: Scene) -> None:
        scene.apple.good = "another"
        await scene.authenticate("Google good")
        await scene.refused("Apple good")
        assert (scene.google.tokens, scene.apple.tokens) == (["good"], ["good"])

    async def test_holds_only_hashes(self, scene: Scene) -> None:
        await scene.authenticate("Google good")
        await scene.refused("Google bad")
        kept = repr([vars(scene.authenticator)[name] for name in ("_granted", "_refused")])
        assert "good" not in kept and "bad" not in kept
        assert purchase_of(Store.GOOGLE, "good").key in kept

    async def test_invalid_tokens_do_not_evict_valid_ones(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MAX_CACHED", 3)
        scene = Scene()
        await scene.authenticate("Google good")
        for number in range(10):
            await scene.refused(f"Google bad{number}")
        await scene.authenticate("Google good")
        assert scene.google.tokens.count("good") == 1
        await scene.refused("Google bad0")
        assert scene.google.tokens.count("bad0") == 2

    async def test_does_not_keep_failures_of_the_store(self, scene: Scene) -> None:
        scene.google.error = Unavailable("Down.", reason="STORE_UNAVAILABLE")
        for _ in range(2):
            await scene.unavailable("Google good")
        scene.google.error = None
        await scene.authenticate("Google good")
        assert len(scene.google.tokens) == 3

    async def test_valid_tokens_survive_failures_of_the_store(self, scene: Scene) -> None:
        await scene.authenticate("Google good")
        scene.google.error = Unavailable("Down.", reason="STORE_UNAVAILABLE")
        await scene.authenticate("Google good")


class TestStoreFailure:
    async def test_unexpected_error_is_unavailable_and_not_quoted(
        self, scene: Scene, log: LogCapture
    ) -> None:
        scene.google.error = RuntimeError("canary")
        error = await scene.unavailable("Google good")
        assert error.__cause__ is None and error.__suppress_context__
        assert [entry["error"] for entry in log.entries] == ["RuntimeError"]
        assert "canary" not in str(log.entries)

    async def test_slow_store_is_unavailable(self) -> None:
        scene = Scene(timeout_seconds=0)
        scene.google.gate.clear()
        await scene.unavailable("Google good")
        scene.google.gate.set()
        scene.authenticator = PurchaseAuthenticator({Store.GOOGLE: scene.google}, scene.limit)
        await scene.authenticate("Google good")


class TestConcurrency:
    async def test_concurrent_calls_share_a_request(self, scene: Scene) -> None:
        scene.google.gate.clear()
        calls = [asyncio.create_task(scene.authenticate("Google good")) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        calls[0].cancel()
        scene.google.gate.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert set(answers[1:]) == {purchase_of(Store.GOOGLE, "good")}
        assert scene.google.tokens == ["good"]

    async def test_keeps_result_after_all_callers_cancelled(self, scene: Scene) -> None:
        scene.google.gate.clear()
        call = asyncio.create_task(scene.authenticate("Google good"))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        scene.google.gate.set()
        await scene.authenticate("Google good")
        assert scene.google.tokens == ["good"]

    async def test_limits_requests_of_each_network_and_store(self, scene: Scene) -> None:
        scene.google.gate.clear()
        calls = [
            asyncio.create_task(scene.authenticate(f"Google {number}"))
            for number in range(MAX_PER_NETWORK)
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await scene.unavailable("Google good")
        # A network has no more than its share.
        calls += [
            asyncio.create_task(scene.authenticator.authenticate(f"Google there-{number}", THERE))
            for number in range(MAX_CONCURRENT - MAX_PER_NETWORK)
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await scene.authenticator.authenticate("Google good", "192.0.2.3")
        await scene.authenticate("Apple good")
        scene.google.gate.set()
        await asyncio.gather(*calls, return_exceptions=True)
        assert len(scene.google.tokens) == MAX_CONCURRENT
        await scene.authenticate("Google good")


class TestThrottle:
    async def test_rejects_tokens_after_too_many_wrong_ones(self, scene: Scene) -> None:
        await scene.authenticate("Google good")
        for number in range(FakeLimit.MAX_FAILURES):
            await scene.refused(f"Google bad{number}")
        tokens = len(scene.google.tokens)
        with pytest.raises(ResourceExhausted) as caught:
            await scene.authenticate("Google another")
        assert (caught.value.reason, caught.value.retry_after) == ("TOO_MANY_PURCHASE_TOKENS", 1)
        assert len(scene.google.tokens) == tokens
        # Cached tokens and other addresses are not affected.
        await scene.authenticate("Google good")
        await scene.authenticator.authenticate("Apple good", THERE)
