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
from server.services.auth.access_key_repository import AccessKeyRepository
from server.services.auth.access_token_authenticator import AccessTokenAuthenticator
from server.services.auth.api_keys import ApiKeys
from server.services.auth.caller_authenticator import CallerAuthenticator
from server.services.auth.forwarded_user import ForwardedUsers
from server.services.auth.identity_repository import IdentityRepository
from server.services.auth.key_uses import KeyUses
from server.services.auth.session_repository import SessionRepository
from server.services.auth.signing_keys import SigningKeys
from server.services.auth.tokens import AccessTokens
from server.services.credentials.guess_throttle import GuessThrottle
from server.services.credentials.invitation_repository import InvitationRepository
from server.services.credentials.password_authenticator import PasswordAuthenticator
from server.services.credentials.password_hashing import PasswordHasher
from server.services.credentials.password_repository import PasswordRepository
from server.services.credentials.registration import Registration
from server.services.credentials.wrong_keys import WrongKeys


@dataclass(frozen=True)
class Authentication:
    """The objects that authenticate callers."""

    password_repository: PasswordRepository
    sessions: SessionRepository
    hasher: PasswordHasher
    throttle: CountedThrottle
    access_keys: AccessKeyRepository
    key_uses: KeyUses
    api_keys: ApiKeys
    registration: Registration
    tokens: AccessTokens
    passwords: PasswordAuthenticator
    callers: CallerAuthenticator


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
    access = settings.access
    wrong_keys = WrongKeys(CountedThrottle(throttle, metrics, "api_key"))
    access_keys, identities = AccessKeyRepository(database), IdentityRepository(database)
    key_uses = KeyUses(access_keys)
    resources.push_async_callback(key_uses.write)
    api_keys = ApiKeys(access.api_key, access_keys, wrong_keys, key_uses.touch, touch)
    forwarded = ForwardedUsers(
        access.forward_auth_user_header, access.trusted_proxies, identities, touch
    )
    return Authentication(
        password_repository=passwords,
        sessions=sessions,
        hasher=hasher,
        throttle=counted,
        access_keys=access_keys,
        key_uses=key_uses,
        api_keys=api_keys,
        registration=Registration(
            access.registration,
            access.required_registration_key,
            InvitationRepository(database),
            wrong_keys,
        ),
        tokens=tokens,
        passwords=authenticator,
        callers=CallerAuthenticator(
            AccessTokenAuthenticator(tokens, sessions, touch=touch), api_keys, forwarded, identities
        ),
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
