"""What stores said is remembered for a while, and that they said nothing is not."""

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
    MAX_OF_NETWORK,
    REFUSED_SECONDS,
    PurchaseAuthenticator,
)
from server.services.ai.purchase.model import Purchase, Store, purchase_of
from tests.services.ai.purchase.conftest import FakeLimit

HERE, THERE = "192.0.2.1", "192.0.2.2"


@dataclass
class FakeStore:
    """Sells "good". `gate` keeps answers back."""

    asked: list[str] = field(default_factory=list)
    error: Exception | None = None
    good: str = "good"

    def __post_init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def verify(self, token: str) -> bool:
        self.asked.append(token)
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


async def test_a_purchase_is_known_by_its_hash(scene: Scene) -> None:
    purchase = await scene.authenticate("Bearer Google good")
    assert purchase == purchase_of(Store.GOOGLE, "good")


@pytest.mark.parametrize("header", [None, "", "  "])
async def test_a_missing_header_is_said_to_be_missing(scene: Scene, header: str | None) -> None:
    assert (await scene.refused(header)).reason == "PURCHASE_TOKEN_MISSING"


async def test_all_refusals_read_the_same(scene: Scene) -> None:
    headers = ["nonsense", "Bearer x", "Google bad", "Web good", f"Google {'a' * (MAX_LENGTH + 1)}"]
    refusals = [await scene.refused(header) for header in headers]
    assert {(error.reason, error.message) for error in refusals} == {
        ("INVALID_PURCHASE_TOKEN", "The purchase token is not valid.")
    }


async def test_what_is_too_long_is_not_asked_for(scene: Scene) -> None:
    scene.google.good = "a" * MAX_LENGTH
    await scene.refused(f"Google {'a' * (MAX_LENGTH + 1)}")
    assert scene.google.asked == []
    await scene.authenticate(f"Google {'a' * MAX_LENGTH}")


async def test_a_yes_is_remembered_for_minutes(scene: Scene) -> None:
    for scene.now in (0, GRANTED_SECONDS - 1):
        await scene.authenticate("Google good")
    assert scene.google.asked == ["good"]
    scene.now = GRANTED_SECONDS + 1
    await scene.authenticate("Google good")
    assert scene.google.asked == ["good", "good"]


async def test_a_no_is_remembered_for_seconds(scene: Scene) -> None:
    for scene.now in (0, REFUSED_SECONDS - 1):
        await scene.refused("Google bad")
    assert scene.google.asked == ["bad"]
    scene.google.good, scene.now = "bad", REFUSED_SECONDS + 1
    await scene.authenticate("Google bad")
    assert scene.google.asked == ["bad", "bad"]


async def test_each_store_is_remembered_by_itself(scene: Scene) -> None:
    scene.apple.good = "another"
    await scene.authenticate("Google good")
    await scene.refused("Apple good")
    assert (scene.google.asked, scene.apple.asked) == (["good"], ["good"])


async def test_neither_the_token_is_remembered(scene: Scene) -> None:
    await scene.authenticate("Google good")
    await scene.refused("Google bad")
    kept = repr([vars(scene.authenticator)[name] for name in ("_granted", "_refused")])
    assert "good" not in kept and "bad" not in kept
    assert purchase_of(Store.GOOGLE, "good").key in kept


async def test_made_up_tokens_do_not_push_out_buyers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)
    scene = Scene()
    await scene.authenticate("Google good")
    for number in range(10):
        await scene.refused(f"Google bad{number}")
    await scene.authenticate("Google good")
    assert scene.google.asked.count("good") == 1
    await scene.refused("Google bad0")
    assert scene.google.asked.count("bad0") == 2


async def test_that_a_store_is_down_is_not_remembered(scene: Scene) -> None:
    scene.google.error = Unavailable("Down.", reason="STORE_UNAVAILABLE")
    for _ in range(2):
        await scene.unavailable("Google good")
    scene.google.error = None
    await scene.authenticate("Google good")
    assert len(scene.google.asked) == 3


async def test_a_store_that_is_down_takes_nothing_back(scene: Scene) -> None:
    await scene.authenticate("Google good")
    scene.google.error = Unavailable("Down.", reason="STORE_UNAVAILABLE")
    await scene.authenticate("Google good")


async def test_a_mistake_of_ours_grants_nothing_and_tells_nothing(
    scene: Scene, log: LogCapture
) -> None:
    scene.google.error = RuntimeError("canary")
    error = await scene.unavailable("Google good")
    assert error.__cause__ is None and error.__suppress_context__
    assert [entry["error"] for entry in log.entries] == ["RuntimeError"]
    assert "canary" not in str(log.entries)


async def test_a_store_has_only_so_much_time() -> None:
    scene = Scene(timeout_seconds=0)
    scene.google.gate.clear()
    await scene.unavailable("Google good")
    scene.google.gate.set()
    scene.authenticator = PurchaseAuthenticator({Store.GOOGLE: scene.google}, scene.limit)
    await scene.authenticate("Google good")


async def test_calls_at_the_same_time_ask_once(scene: Scene) -> None:
    scene.google.gate.clear()
    calls = [asyncio.create_task(scene.authenticate("Google good")) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    calls[0].cancel()
    scene.google.gate.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert set(answers[1:]) == {purchase_of(Store.GOOGLE, "good")}
    assert scene.google.asked == ["good"]


async def test_the_answer_stays_when_everybody_hung_up(scene: Scene) -> None:
    scene.google.gate.clear()
    call = asyncio.create_task(scene.authenticate("Google good"))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    scene.google.gate.set()
    await scene.authenticate("Google good")
    assert scene.google.asked == ["good"]


async def test_a_store_is_asked_so_much_at_once_and_the_others_do_not_wait(scene: Scene) -> None:
    scene.google.gate.clear()
    calls = [
        asyncio.create_task(scene.authenticate(f"Google {number}"))
        for number in range(MAX_OF_NETWORK)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await scene.unavailable("Google good")
    # One network has no more than its share.
    calls += [
        asyncio.create_task(scene.authenticator.authenticate(f"Google there-{number}", THERE))
        for number in range(MAX_CONCURRENT - MAX_OF_NETWORK)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await scene.authenticator.authenticate("Google good", "192.0.2.3")
    await scene.authenticate("Apple good")
    scene.google.gate.set()
    await asyncio.gather(*calls, return_exceptions=True)
    assert len(scene.google.asked) == MAX_CONCURRENT
    await scene.authenticate("Google good")


async def test_who_makes_tokens_up_is_not_asked_for_any_more(scene: Scene) -> None:
    await scene.authenticate("Google good")
    for number in range(FakeLimit.MOST):
        await scene.refused(f"Google bad{number}")
    asked = len(scene.google.asked)
    with pytest.raises(ResourceExhausted) as caught:
        await scene.authenticate("Google another")
    assert (caught.value.reason, caught.value.retry_after) == ("TOO_MANY_PURCHASE_TOKENS", 1)
    assert len(scene.google.asked) == asked
    # What is remembered stays good, and so do others.
    await scene.authenticate("Google good")
    await scene.authenticator.authenticate("Apple good", THERE)
