"""Settings of processes: logs of all, databases and limits of workers, Envoy, and `up`."""

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, SecretStr, field_validator

from server.libraries.database.url import require_usable
from server.libraries.settings.environment import EnvironmentSettings, unset

# Host=…;Username=…;Password=…;Database=…, in any order.
_LIFTLOG_CONNECTION_STRING = re.compile(
    r"\s*(host|server|port|username|user id|password|database)\s*=", re.IGNORECASE
)
# Data Source=/var/lib/liftlog/liftlog.db
_LIFTLOG_SQLITE = re.compile(r"\s*(data source|datasource|filename)\s*=", re.IGNORECASE)

DrainSeconds: TypeAlias = Annotated[
    float, Field(ge=0, description="seconds between reporting NOT_SERVING and closing, on SIGTERM")
]
PoolSize: TypeAlias = Annotated[
    int, Field(ge=1, le=1000, description="maximum connections per worker, beside one for hints")
]


class LogSettings(EnvironmentSettings):
    """Settings of a process's log."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`debug`, `info`, `warning` or `error`"
    )
    log_format: Literal["json", "console"] | None = Field(
        default=None,
        description="`json` (one object per line) or `console` (for people)",
        json_schema_extra=unset("`console` at a terminal, else `json`"),
    )


class Settings(LogSettings):
    """Settings of a worker process."""

    database_url: str = Field(
        description=(
            "PostgreSQL, `postgresql://user:password@host/name`; of several hosts "
            "(`h1:5432,h2:5432` or `?host=h1,h2`), the one that accepts writes is used"
        ),
        json_schema_extra=unset("embedded under `up`, required elsewhere"),
    )
    rate_limit_database_url: str | None = Field(
        default=None,
        description="PostgreSQL for rate limits only",
        json_schema_extra=unset("`DATABASE_URL`"),
    )
    database_pool_size: PoolSize = 10
    cleanup_interval_minutes: float = Field(
        default=60, gt=0, description="minutes between two removals of expired data"
    )
    password_threads: int = Field(
        default=1, ge=1, le=64, description="threads per worker that hash passwords"
    )
    password_queue: int = Field(
        default=128,
        ge=2,
        description=(
            "passwords that may wait for a thread before calls are rejected; at most half of them "
            "from one address"
        ),
    )
    password_memory_minutes: float = Field(
        default=15, ge=0, description="minutes for which a successful password check is cached"
    )
    password_failures_per_account: int = Field(
        default=20,
        ge=1,
        description="wrong passwords for an account from one address; then one more per minute",
    )
    password_failures_per_address: int = Field(
        default=100,
        ge=1,
        description=(
            "wrong passwords, purchase tokens and API keys, and taken usernames, from one address; "
            "then one more per second"
        ),
    )
    calls_per_address: int = Field(
        default=512,
        ge=0,
        description="calls in flight per address and worker; 0 means no limit",
    )
    streams_per_address: int = Field(
        default=256,
        ge=0,
        description=(
            "streams in flight, such as chats, imports and exports, per address and worker; 0 "
            "means no limit"
        ),
    )
    watchers_per_address: int = Field(
        default=256,
        ge=0,
        description=(
            "streams that wait for changes (WatchEvents, WatchInbox) per address and worker; 0 "
            "means no limit"
        ),
    )
    unread_mib_per_address: int = Field(
        default=24,
        ge=0,
        description="MiB of unread responses per address and worker; 0 means no limit",
    )
    imports_per_address: int = Field(
        default=8,
        ge=0,
        description="concurrent imports per address and worker; 0 means no limit",
    )
    drain_seconds: DrainSeconds = 3
    reflection: bool = Field(
        default=False,
        description="enables gRPC reflection, for grpcurl and other tools; always on under `up`",
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None,
        description=(
            "OpenTelemetry collector for traces (OTLP over HTTP), such as `http://host:4318`"
        ),
    )

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("must start with http:// or https://")
        return value

    @field_validator("database_url", "rate_limit_database_url")
    @classmethod
    def _is_postgresql(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if _LIFTLOG_CONNECTION_STRING.match(value):
            raise ValueError(
                "is a connection string in LiftLog's form: write it as "
                "postgresql://username:password@host/database, an @ in the password as %40"
            )
        if _LIFTLOG_SQLITE.match(value):
            raise ValueError(
                "names LiftLog's SQLite database: set it to a PostgreSQL, then bring the file in "
                "with `gymlocker migrate --from-sqlite FILE`"
            )
        scheme, separator, rest = value.partition("://")
        if not separator or scheme not in ("postgresql", "postgres", "postgresql+asyncpg"):
            raise ValueError("must start with postgresql://")
        url = f"postgresql://{rest}"
        require_usable(url)
        return url


class GatewaySettings(EnvironmentSettings):
    """Settings of the front door, Envoy."""

    cors_origins: str = Field(
        default="*",
        description="origins that browsers may call from, comma-separated; `*` means any",
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="number of proxies in front of Envoy whose `X-Forwarded-For` is trusted",
    )
    drain_seconds: DrainSeconds = 3


class LocalSettings(EnvironmentSettings):
    """Settings that `gymlocker up` provides itself if they are not set."""

    database_url: SecretStr | None = None
    jwt_secret_key: SecretStr | None = None
    database_pool_size: PoolSize | None = None
