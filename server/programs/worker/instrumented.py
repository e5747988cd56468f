"""Objects of the house, each behind one of the same kind that counts what it does."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager

from gymlocker.v2 import ai_pb2, plan_pb2

from server.errors import GymlockerError, ResourceExhausted
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.services.ai.planner.planner import Event, Planner, Turn
from server.services.ai.purchase.model import Store, Verifier
from server.services.credentials.throttle import GuessThrottle


class CountedThrottle:
    """Counts wrong passwords, other secrets, which have no account, and taken usernames."""

    def __init__(
        self,
        throttle: GuessThrottle,
        metrics: WorkerMetrics,
        without_account: str = "purchase_token",
    ) -> None:
        self._throttle = throttle
        self._without_account = without_account
        self._counter = metrics.wrong_secrets

    async def check(self, account: str | None, address: str) -> None:
        """Raises ResourceExhausted if there were too many."""
        with self._counted_refusal(self._secret(account)):
            await self._throttle.check(account, address)

    async def failed(self, account: str | None, address: str) -> float:
        """Count one; return for how long the account is refused at that address, 0: not."""
        self._counter.labels(self._secret(account), "wrong").inc()
        return await self._throttle.failed(account, address)

    async def succeeded(self, account: str, address: str) -> None:
        """Make the address known for the account."""
        await self._throttle.succeeded(account, address)

    async def check_username(self, address: str) -> None:
        """Raise ResourceExhausted if too many usernames were tried that are taken."""
        with self._counted_refusal("username"):
            await self._throttle.check_username(address)

    async def username_was_taken(self, address: str) -> None:
        """Count a username that is taken."""
        self._counter.labels("username", "wrong").inc()
        await self._throttle.username_was_taken(address)

    @contextmanager
    def _counted_refusal(self, secret: str) -> Iterator[None]:
        try:
            yield
        except ResourceExhausted:
            self._counter.labels(secret, "refused").inc()
            raise

    def _secret(self, account: str | None) -> str:
        return self._without_account if account is None else "password"


class CountedVerifier:
    """Counts what a store says."""

    def __init__(self, store: Store, verifier: Verifier, metrics: WorkerMetrics) -> None:
        self._store = store
        self._verifier = verifier
        self._counter = metrics.purchase_checks

    async def verify(self, token: str) -> bool:
        """Whether the store sold this, and it counts today. Raises what the store's own does."""
        outcome = "failed"
        try:
            counts = await self._verifier.verify(token)
            outcome = "granted" if counts else "refused"
            return counts
        finally:
            self._counter.labels(self._store.value, outcome).inc()


class CountedPlanner:
    """Counts the answers of a planner."""

    def __init__(self, planner: Planner, metrics: WorkerMetrics) -> None:
        self._planner = planner
        self._metrics = metrics

    async def plan(self, attributes: ai_pb2.PlanAttributes) -> plan_pb2.Plan:
        """A plan that fits a person."""
        with self._counted("plan"):
            return await self._planner.plan(attributes)

    async def session(self, attributes: ai_pb2.SessionAttributes) -> plan_pb2.PlanSession:
        """A session that fits what is wanted of it."""
        with self._counted("session"):
            return await self._planner.session(attributes)

    async def talk(
        self, history: Sequence[Turn], *, locale: str, weight_unit: str
    ) -> AsyncGenerator[Event]:
        """The answer to a conversation, as it comes; without a history it is a hello."""
        answer = self._planner.talk(history, locale=locale, weight_unit=weight_unit)
        with self._counted("chat"):
            async with aclosing(answer) as events:
                async for event in events:
                    yield event

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        metrics = self._metrics
        # Cancelled, or closed in the middle.
        end = "stopped"
        with (
            metrics.answers_in_flight.labels(kind).track_inprogress(),
            metrics.answer_seconds.labels(kind).time(),
        ):
            try:
                yield
                end = "complete"
            except GymlockerError as error:
                end = error.reason.lower()
                raise
            except Exception:
                end = "unhandled_exception"
                raise
            finally:
                metrics.answers.labels(kind, end).inc()


def counted_sweep(
    sweep: Callable[[], Awaitable[int]], name: str, metrics: WorkerMetrics
) -> Callable[[], Awaitable[None]]:
    """The same sweep, which counts its rows, its successes and its failures."""
    succeeded, failed = (metrics.sweeps.labels(name, end) for end in ("succeeded", "failed"))
    rows, last = metrics.swept_rows.labels(name), metrics.last_sweep.labels(name)

    async def counted() -> None:
        with failed.count_exceptions():
            rows.inc(await sweep())
        succeeded.inc()
        last.set(time.time())

    return counted
