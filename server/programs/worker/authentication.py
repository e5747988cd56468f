"""Authentication of a worker."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from server.libraries.database.pool import Database
from server.libraries.limits.bucket_repository import BucketRepository
from server.libraries.settings import Settings, TokenSettings, WorkerSettings
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.programs.worker.metric_decorators import CountedThrottle
from server.services.auth.access_token_authenticator import AccessTokenAuthenticator
from server.services.auth.api_keys import ApiKeys
from server.services.auth.session_repository import SessionRepository
from server.services.auth.signing_keys import SigningKeys
from server.services.auth.tokens import AccessTokens
from server.services.credentials.guess_throttle import GuessThrottle
from server.services.credentials.password_authenticator import PasswordAuthenticator
from server.services.credentials.password_hashing import PasswordHasher
from server.services.credentials.password_repository import PasswordRepository


@dataclass(frozen=True)
class Authentication:
    """The objects that authenticate callers."""

    password_repository: PasswordRepository
    sessions: SessionRepository
    hasher: PasswordHasher
    throttle: CountedThrottle
    api_keys: ApiKeys
    tokens: AccessTokens
    passwords: PasswordAuthenticator
    access_tokens: AccessTokenAuthenticator


def build_authentication(
    settings: WorkerSettings,
    keys: SigningKeys,
    database: Database,
    buckets: BucketRepository,
    metrics: WorkerMetrics,
    touch: Callable[[UUID], None],
    resources: AsyncExitStack,
) -> Authentication:
    """Build the objects; `touch` records the last access of a user."""
    passwords, throttle = PasswordRepository(database), _guess_throttle(settings.worker, buckets)
    counted = CountedThrottle(throttle, metrics)
    sessions = SessionRepository(
        database,
        lifetime=timedelta(days=settings.tokens.refresh_token_expire_days),
        grace=timedelta(seconds=settings.tokens.refresh_grace_seconds),
    )
    tokens = _access_tokens(settings.tokens, keys)
    hasher = PasswordHasher(
        threads=settings.worker.password_threads, queue=settings.worker.password_queue
    )
    resources.callback(hasher.close)
    authenticator = PasswordAuthenticator(
        passwords,
        hasher,
        counted,
        memory_seconds=settings.worker.password_memory_minutes * 60,
        touch=touch,
    )
    metrics.observe_passwords(hasher, authenticator)
    return Authentication(
        passwords,
        sessions,
        hasher,
        counted,
        ApiKeys(settings.access.api_key, CountedThrottle(throttle, metrics, "api_key")),
        tokens,
        authenticator,
        AccessTokenAuthenticator(tokens, sessions, touch=touch),
    )


def _guess_throttle(settings: Settings, buckets: BucketRepository) -> GuessThrottle:
    return GuessThrottle(
        buckets,
        per_account=settings.password_failures_per_account,
        per_address=settings.password_failures_per_address,
        # An address must stay known for longer than a verified password is cached.
        known_seconds=max(3600.0, 2 * 60 * settings.password_memory_minutes),
    )


def _access_tokens(settings: TokenSettings, keys: SigningKeys) -> AccessTokens:
    return AccessTokens(
        keys,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        lifetime_seconds=max(1, round(settings.access_token_expire_minutes * 60)),
    )
