"""Decorators that record metrics of other objects."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager

from gymlocker.v2 import ai_pb2, plan_pb2

from server.errors import GymlockerError, ResourceExhausted
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.services.ai.planner.planner import ChatEvent, ChatMessage, Planner
from server.services.ai.purchase.model import Store, Verifier
from server.services.credentials.guess_throttle import GuessThrottle


class CountedThrottle:
    """Counts wrong passwords, other wrong secrets and taken usernames.

    Failures without an account count as the secret `without_account`.
    """

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
        """Raise ResourceExhausted after too many failures."""
        with self._count_rejection(self._secret(account)):
            await self._throttle.check(account, address)

    async def failed(self, account: str | None, address: str) -> float:
        """Count a failure; return for how long the account is blocked at that address, else 0."""
        self._counter.labels(self._secret(account), "wrong").inc()
        return await self._throttle.failed(account, address)

    async def succeeded(self, account: str, address: str) -> None:
        """Mark the address as known for the account."""
        await self._throttle.succeeded(account, address)

    async def check_username(self, address: str) -> None:
        """Raise ResourceExhausted after too many taken usernames."""
        with self._count_rejection("username"):
            await self._throttle.check_username(address)

    async def username_was_taken(self, address: str) -> None:
        """Count a taken username."""
        self._counter.labels("username", "wrong").inc()
        await self._throttle.username_was_taken(address)

    @contextmanager
    def _count_rejection(self, secret: str) -> Iterator[None]:
        try:
            yield
        except ResourceExhausted:
            self._counter.labels(secret, "refused").inc()
            raise

    def _secret(self, account: str | None) -> str:
        return self._without_account if account is None else "password"


class CountedVerifier:
    """Counts the results of a store's verifier."""

    def __init__(self, store: Store, verifier: Verifier, metrics: WorkerMetrics) -> None:
        self._store = store
        self._verifier = verifier
        self._counter = metrics.purchase_checks

    async def verify(self, token: str) -> bool:
        """Check whether the purchase is valid today. Raises the errors of the verifier."""
        outcome = "failed"
        try:
            is_valid = await self._verifier.verify(token)
            outcome = "granted" if is_valid else "refused"
            return is_valid
        finally:
            self._counter.labels(self._store.value, outcome).inc()


class CountedPlanner:
    """Counts the answers of a planner."""

    def __init__(self, planner: Planner, metrics: WorkerMetrics) -> None:
        self._planner = planner
        self._metrics = metrics

    async def generate_plan(self, attributes: ai_pb2.PlanAttributes) -> plan_pb2.Plan:
        """Return a plan for a person with these attributes."""
        with self._counted("plan"):
            return await self._planner.generate_plan(attributes)

    async def generate_session(self, attributes: ai_pb2.SessionAttributes) -> plan_pb2.PlanSession:
        """Return a session with these attributes."""
        with self._counted("session"):
            return await self._planner.generate_session(attributes)

    async def chat(
        self, history: Sequence[ChatMessage], *, locale: str, weight_unit: str
    ) -> AsyncGenerator[ChatEvent]:
        """Stream the answer to a conversation, or a greeting without a history."""
        answer = self._planner.chat(history, locale=locale, weight_unit=weight_unit)
        with self._counted("chat"):
            async with aclosing(answer) as events:
                async for event in events:
                    yield event

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        metrics = self._metrics
        # If it is cancelled or closed early.
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
    """Return `sweep` with metrics of its rows, successes and failures."""
    succeeded, failed = (metrics.sweeps.labels(name, end) for end in ("succeeded", "failed"))
    rows, last = metrics.swept_rows.labels(name), metrics.last_sweep.labels(name)

    async def counted() -> None:
        with failed.count_exceptions():
            rows.inc(await sweep())
        succeeded.inc()
        last.set(time.time())

    return counted
