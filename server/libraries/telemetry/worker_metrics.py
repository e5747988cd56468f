"""All metrics of a worker.

Labels have few values, all of them known beforehand: methods, status codes, stores, outcomes. What
objects of the house count themselves is read from them (`observe_…`).
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from server.libraries.telemetry.object_metrics import Readings

CALL_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
WAIT_SECONDS = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
ANSWER_SECONDS = (0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120, 180)
# Reasons of limits that are seen before anybody was refused.
BOUNDS = (
    "TOO_MANY_MESSAGES",
    "INBOX_FULL",
    "TOO_MANY_NEW_USERS",
    "TOO_MANY_SECRETS",
    "QUOTA_EXCEEDED",
    "DISK_FULL",
)


class ConnectionPool(Protocol):
    """A pool of database connections."""

    pool_size: int
    unavailable: int

    @property
    def waiting(self) -> int:
        """Return how many statements wait for a connection."""

    @property
    def connections(self) -> int:
        """Return how many connections are open."""

    @property
    def idle_connections(self) -> int:
        """Return how many of them are idle."""


class HashingQueue(Protocol):
    """A queue of passwords to hash."""

    queue: int
    rejected: int

    @property
    def running(self) -> int:
        """Return how many are being hashed."""

    @property
    def waiting(self) -> int:
        """Return how many wait."""


class PasswordChecks(Protocol):
    """Counts of passwords checked from memory and by hashing."""

    remembered: int
    hashed: int


class QuotaRefusals(Protocol):
    """A count of refused answers."""

    refused: int


class WorkerMetrics:
    """The metrics of one worker, in `registry`. `stores` are the names of all purchase stores."""

    def __init__(self, registry: CollectorRegistry, *, stores: Iterable[str]) -> None:
        self._readings = Readings(registry)
        self._add_calls(registry)
        self._add_background(registry)
        self._add_planner(registry, stores)
        self.database_wait_seconds = Histogram(
            "gymlocker_database_wait_seconds",
            "How long a statement waited for a connection to the database.",
            ["database"],
            buckets=WAIT_SECONDS,
            registry=registry,
        )
        self.wrong_secrets = Counter(
            "gymlocker_wrong_secrets",
            "Passwords, purchase tokens and API keys that were wrong, and usernames that were "
            "taken; refused for too many of them.",
            ["secret", "outcome"],
            registry=registry,
        )
        for secret in ("password", "purchase_token", "api_key", "username"):
            for outcome in ("wrong", "refused"):
                self.wrong_secrets.labels(secret, outcome)

    def refused(self, reason: str) -> None:
        """Counts a call that was refused at a limit."""
        self.refusals.labels(reason).inc()

    def _add_calls(self, registry: CollectorRegistry) -> None:
        self.refusals = Counter(
            "gymlocker_refusals",
            "Calls that were refused at a limit, by its reason.",
            ["reason"],
            registry=registry,
        )
        for reason in BOUNDS:
            self.refusals.labels(reason)
        self.calls = Counter(
            "gymlocker_calls",
            "Calls that have ended, by their method and status code.",
            ["method", "code"],
            registry=registry,
        )
        self.call_seconds = Histogram(
            "gymlocker_call_seconds",
            "How long calls took; of a stream, all of it.",
            ["method"],
            buckets=CALL_SECONDS,
            registry=registry,
        )
        self.calls_in_flight = Gauge(
            "gymlocker_calls_in_flight", "Calls that go on.", ["method"], registry=registry
        )

    def _add_background(self, registry: CollectorRegistry) -> None:
        self.event_loop_lag_seconds = Histogram(
            "gymlocker_event_loop_lag_seconds",
            "How late the event loop is.",
            buckets=WAIT_SECONDS,
            registry=registry,
        )
        self.sweeps = Counter(
            "gymlocker_sweeps",
            "Removals of what has expired, by how they ended.",
            ["sweep", "outcome"],
            registry=registry,
        )
        self.swept_rows = Counter(
            "gymlocker_swept_rows",
            "Rows that were removed because they had expired.",
            ["sweep"],
            registry=registry,
        )
        self.last_sweep = Gauge(
            "gymlocker_last_sweep_timestamp_seconds",
            "When a sweep last succeeded.",
            ["sweep"],
            registry=registry,
        )

    def _add_planner(self, registry: CollectorRegistry, stores: Iterable[str]) -> None:
        self.answers = Counter(
            "gymlocker_ai_answers",
            "Answers of the model by how they ended: complete, stopped, or why they failed.",
            ["kind", "end"],
            registry=registry,
        )
        self.answer_seconds = Histogram(
            "gymlocker_ai_answer_seconds",
            "How long answers of the model took.",
            ["kind"],
            buckets=ANSWER_SECONDS,
            registry=registry,
        )
        self.answers_in_flight = Gauge(
            "gymlocker_ai_answers_in_flight",
            "Answers of the model that go on.",
            ["kind"],
            registry=registry,
        )
        self.tokens = Counter(
            "gymlocker_ai_tokens",
            "Tokens of answers that came to their end, as the model counts them.",
            ["direction"],
            registry=registry,
        )
        self.purchase_checks = Counter(
            "gymlocker_purchase_checks",
            "Questions to a store, by what it said.",
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
        """Counts the tokens of an answer."""
        self.tokens.labels("in").inc(tokens_in)
        self.tokens.labels("out").inc(tokens_out)

    def observe_databases(self, databases: Mapping[str, ConnectionPool]) -> None:
        """Reads the pools of connections, by the names of their databases."""
        self._readings.add(
            GaugeMetricFamily,
            "gymlocker_database_connections",
            "Connections to the database by what they do; `limit` is how many there may be.",
            ["database", "state"],
            lambda: {
                (name, state): figure
                for name, database in databases.items()
                for state, figure in _connections(database).items()
            },
        )
        self._readings.add(
            GaugeMetricFamily,
            "gymlocker_database_waiting",
            "Statements that wait for a connection.",
            ["database"],
            lambda: {(name,): database.waiting for name, database in databases.items()},
        )
        self._readings.add(
            CounterMetricFamily,
            "gymlocker_database_unavailable",
            "Statements that the database did not serve.",
            ["database"],
            lambda: {(name,): database.unavailable for name, database in databases.items()},
        )

    def observe_passwords(self, hasher: HashingQueue, passwords: PasswordChecks) -> None:
        """Reads how passwords are checked."""
        self._readings.add(
            GaugeMetricFamily,
            "gymlocker_password_hashing",
            "Passwords that are being hashed or wait for it; `queue` is how many may wait.",
            ["state"],
            lambda: {
                ("running",): hasher.running,
                ("waiting",): hasher.waiting,
                ("queue",): hasher.queue,
            },
        )
        self._readings.add(
            CounterMetricFamily,
            "gymlocker_password_hashing_rejected",
            "Passwords that were turned away because too many waited.",
            [],
            lambda: {(): hasher.rejected},
        )
        self._readings.add(
            CounterMetricFamily,
            "gymlocker_password_checks",
            "Passwords by how they were checked.",
            ["by"],
            lambda: {("memory",): passwords.remembered, ("hash",): passwords.hashed},
        )

    def observe_quotas(self, quotas: QuotaRefusals) -> None:
        """Reads how many answers were refused."""
        self._readings.add(
            CounterMetricFamily,
            "gymlocker_ai_quota_refusals",
            "Answers that were refused because the quota is used up.",
            [],
            lambda: {(): quotas.refused},
        )


def _connections(database: ConnectionPool) -> dict[str, int]:
    """Connections by what they do."""
    every, idle = database.connections, database.idle_connections
    return {"in_use": every - idle, "idle": idle, "limit": database.pool_size}
