"""All metrics of a worker.

Labels have few values, known in advance: methods, status codes, stores, outcomes. Metrics that
objects count themselves are read at each scrape (`observe_…`).
"""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from server.libraries.telemetry.callback_collector import CallbackCollector
from server.libraries.telemetry.observed import (
    ConnectionPool,
    HashingQueue,
    HintCounts,
    PasswordChecks,
    QuotaRefusals,
)

CALL_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
WAIT_SECONDS = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
ANSWER_SECONDS = (0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120, 180)
# Reasons of limits; their counters start at 0, before the first rejection.
LIMIT_REASONS = (
    "TOO_MANY_MESSAGES",
    "INBOX_FULL",
    "TOO_MANY_NEW_USERS",
    "TOO_MANY_SECRETS",
    "QUOTA_EXCEEDED",
    "DISK_FULL",
)
PUSH_RESULTS = ("accepted", "failed", "forbidden", "gone", "postponed", "refused")


class WorkerMetrics:
    """The metrics of one worker, in `registry`. `stores` are the names of all purchase stores."""

    def __init__(self, registry: CollectorRegistry, *, stores: Iterable[str]) -> None:
        self._collector = CallbackCollector(registry)
        self._add_calls(registry)
        self._add_background(registry)
        self._add_planner(registry, stores)
        self.database_wait_seconds = Histogram(
            "gymlocker_database_wait_seconds",
            "Time that statements waited for a connection to the database.",
            ["database"],
            buckets=WAIT_SECONDS,
            registry=registry,
        )
        self.wrong_secrets = Counter(
            "gymlocker_wrong_secrets",
            "Wrong passwords, purchase tokens and API keys, and usernames that were taken; "
            "`refused` after too many of them.",
            ["secret", "outcome"],
            registry=registry,
        )
        for secret in ("password", "purchase_token", "api_key", "username"):
            for outcome in ("wrong", "refused"):
                self.wrong_secrets.labels(secret, outcome)

    def rejected(self, reason: str) -> None:
        """Count a call that was rejected at a limit."""
        self.refusals.labels(reason).inc()

    def _add_calls(self, registry: CollectorRegistry) -> None:
        self.refusals = Counter(
            "gymlocker_refusals",
            "Calls rejected at a limit, by reason.",
            ["reason"],
            registry=registry,
        )
        for reason in LIMIT_REASONS:
            self.refusals.labels(reason)
        self.calls = Counter(
            "gymlocker_calls",
            "Completed calls by method and status code.",
            ["method", "code"],
            registry=registry,
        )
        self.call_seconds = Histogram(
            "gymlocker_call_seconds",
            "Duration of calls; for streams, until their end.",
            ["method"],
            buckets=CALL_SECONDS,
            registry=registry,
        )
        self.calls_in_flight = Gauge(
            "gymlocker_calls_in_flight", "Calls in flight.", ["method"], registry=registry
        )

    def _add_background(self, registry: CollectorRegistry) -> None:
        self.pushes = Counter(
            "gymlocker_pushes",
            "Pushes to devices, by what became of them.",
            ["result"],
            registry=registry,
        )
        for result in PUSH_RESULTS:
            self.pushes.labels(result)
        self.event_loop_lag_seconds = Histogram(
            "gymlocker_event_loop_lag_seconds",
            "Lag of the event loop.",
            buckets=WAIT_SECONDS,
            registry=registry,
        )
        self.sweeps = Counter(
            "gymlocker_sweeps",
            "Sweeps of expired rows, by outcome.",
            ["sweep", "outcome"],
            registry=registry,
        )
        self.swept_rows = Counter(
            "gymlocker_swept_rows",
            "Expired rows that were removed.",
            ["sweep"],
            registry=registry,
        )
        self.last_sweep = Gauge(
            "gymlocker_last_sweep_timestamp_seconds",
            "Time of the last successful sweep.",
            ["sweep"],
            registry=registry,
        )

    def _add_planner(self, registry: CollectorRegistry, stores: Iterable[str]) -> None:
        self.answers = Counter(
            "gymlocker_ai_answers",
            "Answers of the model by end: complete, stopped, or the reason of the failure.",
            ["kind", "end"],
            registry=registry,
        )
        self.answer_seconds = Histogram(
            "gymlocker_ai_answer_seconds",
            "Duration of the model's answers.",
            ["kind"],
            buckets=ANSWER_SECONDS,
            registry=registry,
        )
        self.answers_in_flight = Gauge(
            "gymlocker_ai_answers_in_flight",
            "Answers of the model in flight.",
            ["kind"],
            registry=registry,
        )
        self.tokens = Counter(
            "gymlocker_ai_tokens",
            "Tokens of completed answers, as counted by the model.",
            ["direction"],
            registry=registry,
        )
        self.purchase_checks = Counter(
            "gymlocker_purchase_checks",
            "Purchase checks with a store, by outcome.",
            ["store", "outcome"],
            registry=registry,
        )
        for kind in ("plan", "session", "chat"):
            self.answers.labels(kind, "complete")
            self.answer_seconds.labels(kind)
            self.answers_in_flight.labels(kind)
        for direction in ("in", "out"):
            self.tokens.labels(direction)
        for store in stores:
            for outcome in ("granted", "refused", "failed"):
                self.purchase_checks.labels(store, outcome)

    def used_tokens(self, tokens_in: int, tokens_out: int) -> None:
        """Count the tokens of an answer."""
        self.tokens.labels("in").inc(tokens_in)
        self.tokens.labels("out").inc(tokens_out)

    def observe_databases(self, databases: Mapping[str, ConnectionPool]) -> None:
        """Observe the connection pools, by database name."""
        self._collector.add(
            GaugeMetricFamily,
            "gymlocker_database_connections",
            "Database connections by state; `limit` is the maximum.",
            ["database", "state"],
            lambda: {
                (name, state): count
                for name, database in databases.items()
                for state, count in _connections(database).items()
            },
        )
        self._collector.add(
            GaugeMetricFamily,
            "gymlocker_database_waiting",
            "Statements waiting for a connection.",
            ["database"],
            lambda: {(name,): database.waiting for name, database in databases.items()},
        )
        self._collector.add(
            CounterMetricFamily,
            "gymlocker_database_unavailable",
            "Statements that failed because the database was unavailable.",
            ["database"],
            lambda: {(name,): database.unavailable for name, database in databases.items()},
        )

    def observe_passwords(self, hasher: HashingQueue, passwords: PasswordChecks) -> None:
        """Observe how passwords are checked."""
        self._collector.add(
            GaugeMetricFamily,
            "gymlocker_password_hashing",
            "Passwords being hashed or waiting; `queue` is the maximum that may wait.",
            ["state"],
            lambda: {
                ("running",): hasher.running,
                ("waiting",): hasher.waiting,
                ("queue",): hasher.queue,
            },
        )
        self._collector.add(
            CounterMetricFamily,
            "gymlocker_password_hashing_rejected",
            "Passwords rejected because the queue was full.",
            [],
            lambda: {(): hasher.rejected},
        )
        self._collector.add(
            CounterMetricFamily,
            "gymlocker_password_checks",
            "Password checks: from the in-memory cache or by hashing.",
            ["by"],
            lambda: {("memory",): passwords.remembered, ("hash",): passwords.hashed},
        )

    def observe_quotas(self, quotas: QuotaRefusals) -> None:
        """Observe rejections by quotas."""
        self._collector.add(
            CounterMetricFamily,
            "gymlocker_ai_quota_refusals",
            "Answers rejected because the quota was used up.",
            [],
            lambda: {(): quotas.refused},
        )

    def observe_hints(self, hints: HintCounts) -> None:
        """Observe the hints between workers."""
        self._collector.add(
            GaugeMetricFamily,
            "gymlocker_hints_live",
            "1 while hints of other workers arrive.",
            [],
            lambda: {(): int(hints.is_live)},
        )
        self._collector.add(
            CounterMetricFamily,
            "gymlocker_hint_batches",
            "Batches of hints that were sent.",
            [],
            lambda: {(): hints.sent_batches},
        )
        self._collector.add(
            CounterMetricFamily,
            "gymlocker_hints_received",
            "Hints that came from other workers.",
            [],
            lambda: {(): hints.received},
        )
        self._collector.add(
            CounterMetricFamily,
            "gymlocker_hints_dropped",
            "Hints that could not be sent.",
            [],
            lambda: {(): hints.dropped},
        )


def _connections(database: ConnectionPool) -> dict[str, int]:
    """Return the number of connections by state."""
    total, idle = database.connections, database.idle_connections
    return {"in_use": total - idle, "idle": idle, "limit": database.pool_size}
