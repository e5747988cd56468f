"""Authentication, put together for `main`."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from server.libraries.database.pool import Database
from server.libraries.limits.bucket_repository import BucketRepository
from server.libraries.settings import Settings, TokenSettings, WorkerSettings
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.programs.worker.instrumented import CountedLimit
from server.services.auth.api_keys import ApiKeys
from server.services.auth.authenticator import AccessTokenAuthenticator, PasswordAuthenticator
from server.services.auth.repository import SessionRepository
from server.services.auth.signing_keys import Keys
from server.services.auth.tokens import AccessTokens
from server.services.credentials.hashing import PasswordHasher
from server.services.credentials.repository import PasswordRepository
from server.services.credentials.throttle import GuessThrottle


@dataclass(frozen=True)
class Auth:
    """The parts by which one worker knows its callers."""

    passwords: PasswordRepository
    sessions: SessionRepository
    hasher: PasswordHasher
    guesses: CountedLimit
    api_keys: ApiKeys
    tokens: AccessTokens
    authenticator: PasswordAuthenticator
    token_authenticator: AccessTokenAuthenticator


def assemble(
    settings: WorkerSettings,
    keys: Keys,
    database: Database,
    limits: Database,
    metrics: WorkerMetrics,
    touch: Callable[[UUID], None],
    stack: AsyncExitStack,
) -> Auth:
    """Build them; `limits` is the database of the rate limits, `seen` is told who was there."""
    passwords, limit = PasswordRepository(database), _guess_limit(settings.worker, limits)
    guesses = CountedLimit(limit, metrics)
    sessions = SessionRepository(
        database,
        lifetime=timedelta(days=settings.tokens.refresh_token_expire_days),
        grace=timedelta(seconds=settings.tokens.refresh_grace_seconds),
    )
    tokens = _access_tokens(settings.tokens, keys)
    hasher = PasswordHasher(
        threads=settings.worker.password_threads, queue=settings.worker.password_queue
    )
    stack.callback(hasher.close)
    authenticator = PasswordAuthenticator(
        passwords,
        hasher,
        guesses,
        memory_seconds=settings.worker.password_memory_minutes * 60,
        touch=touch,
    )
    metrics.watch_passwords(hasher, authenticator)
    return Auth(
        passwords,
        sessions,
        hasher,
        guesses,
        ApiKeys(settings.access.api_key, CountedLimit(limit, metrics, "api_key")),
        tokens,
        authenticator,
        AccessTokenAuthenticator(tokens, sessions, touch=touch),
    )


def _guess_limit(settings: Settings, limits: Database) -> GuessThrottle:
    return GuessThrottle(
        BucketRepository(limits),
        per_account=settings.password_failures_per_account,
        per_address=settings.password_failures_per_address,
        # An address becomes known no later than a password is remembered, and is so for longer.
        known_seconds=max(3600.0, 2 * 60 * settings.password_memory_minutes),
    )


def _access_tokens(settings: TokenSettings, keys: Keys) -> AccessTokens:
    return AccessTokens(
        keys,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        lifetime_seconds=max(1, round(settings.access_token_expire_minutes * 60)),
    )
