"""The environment, typed, read once.

Every setting of the server is a field here: its name in capitals is the environment variable.
"""

from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from server.errors import StartError

AnySettings = TypeVar("AnySettings", bound=BaseSettings)


class Settings(BaseSettings):
    """What a Gymlocker process is told by its environment."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: str = Field(description="PostgreSQL, as postgresql://user:password@host/name")
    rate_limit_database_url: str | None = Field(
        default=None, description="PostgreSQL for rate limits alone; DATABASE_URL if unset"
    )
    database_pool_size: int = Field(
        default=10, ge=1, le=1000, description="connections that one worker holds at the most"
    )
    cleanup_interval_minutes: float = Field(
        default=60, gt=0, description="minutes between two removals of what has expired"
    )
    password_threads: int = Field(
        default=1, ge=1, le=64, description="threads of one worker that hash passwords"
    )
    password_queue: int = Field(
        default=128, ge=2, description="passwords that may wait for a thread before calls are shed"
    )
    password_memory_minutes: float = Field(
        default=15, ge=0, description="minutes for which a verified password is remembered"
    )
    password_failures_per_account: int = Field(
        default=20,
        ge=1,
        description="wrong passwords of an account from one address; then one more each minute",
    )
    password_failures_per_address: int = Field(
        default=100, ge=1, description="wrong passwords from one address; then one more each second"
    )
    drain_seconds: float = Field(
        default=3, ge=0, description="seconds from saying NOT_SERVING to closing, at SIGTERM"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )

    @field_validator("database_url", "rate_limit_database_url")
    @classmethod
    def _is_postgresql(cls, value: str | None) -> str | None:
        if value is None:
            return None
        scheme, separator, rest = value.partition("://")
        if not separator or scheme not in ("postgresql", "postgres", "postgresql+asyncpg"):
            raise ValueError("must start with postgresql://")
        try:
            _ = urlsplit(value).port
        except ValueError:
            # Without the parser's own words: they quote what may be a part of the password.
            raise ValueError(
                "is not a URL; in the password, percent-encode characters such as / # ? @ [ ]"
            ) from None
        return f"postgresql://{rest}"


class TokenSettings(BaseSettings):
    """What a worker is told about access tokens, sessions and their keys."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    jwt_secret_key: SecretStr | None = Field(
        default=None, description="signs access tokens (HS256): at least 32 random bytes"
    )
    jwt_algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"] = Field(
        default="HS256", description="HS256, or RS256, ES256 or EdDSA with a key file"
    )
    jwt_private_key_file: Path | None = Field(
        default=None, description="the private key of RS256, ES256 or EdDSA, in PEM form"
    )
    jwt_previous_secret_keys: SecretStr = Field(
        default=SecretStr(""),
        description="keys before a rotation, comma-separated: their tokens stay good",
    )
    jwt_previous_key_files: str = Field(
        default="", description="the same as files, public or private, comma-separated"
    )
    jwt_issuer: str = Field(default="gymlocker", description="`iss` of access tokens")
    jwt_audience: str = Field(default="gymlocker", description="`aud` of access tokens")
    access_token_expire_minutes: float = Field(
        default=60, gt=0, le=1440, description="minutes for which an access token is valid"
    )
    refresh_token_expire_days: float = Field(
        default=30, gt=0, le=3650, description="days for which a session lives without being used"
    )


class GatewaySettings(BaseSettings):
    """What the front door, Envoy, is told by the environment."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    cors_origins: str = Field(
        default="*", description="origins that browsers may call from, comma-separated; * is any"
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="proxies in front of Envoy whose X-Forwarded-For is believed",
    )


def load(settings: type[AnySettings]) -> AnySettings:
    """Reads `settings` from the environment.

    Raises StartError, naming the variables that are missing or wrong, but never a value: it may
    hold a password.
    """
    try:
        return settings()
    except ValidationError as error:
        faults = "; ".join(
            f"{str(fault['loc'][0]).upper()}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise StartError(f"The settings are not usable: {faults}. See the README.") from None
