"""The environment, typed, read once.

Every setting of the server is a field here: its name in capitals is the environment variable. What
is not in the environment may be in `.env` in the current folder, or in a file of that name, which
is how containers are told secrets.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from server.errors import StartError
from server.setting_files import SecretFiles

OPENAI_URL = "https://api.openai.com/v1"

AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def unset(meaning: str) -> JsonDict:
    """What it means that a setting is not set, for the README's table."""
    return {"unset": meaning}


DrainSeconds: TypeAlias = Annotated[
    float, Field(ge=0, description="seconds from saying NOT_SERVING to closing, at SIGTERM")
]


class EnvironmentSettings(BaseSettings):
    """What all settings have in common: whence they are read."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        env_file=".env",
        env_file_encoding="utf-8",
        # It may be told things that are other programs' business.
        extra="ignore",
    )

    secrets_dir: Path = Field(
        default=Path("/run/secrets"),
        description=(
            "a folder with a file for each setting that is not in the environment, as "
            "`jwt_secret_key`"
        ),
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the files."""
        return init_settings, env_settings, dotenv_settings, SecretFiles(settings_cls)


class LogSettings(EnvironmentSettings):
    """What a process is told about its log."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`debug`, `info`, `warning` or `error`"
    )
    log_format: Literal["json", "console"] | None = Field(
        default=None,
        description="`json`, an object a line, or `console`, for people",
        json_schema_extra=unset("`console` at a terminal, else `json`"),
    )


class Settings(LogSettings):
    """What a Gymlocker process is told by its environment."""

    database_url: str = Field(
        description="PostgreSQL, as `postgresql://user:password@host/name`",
        json_schema_extra=unset("embedded under `up`, required elsewhere"),
    )
    rate_limit_database_url: str | None = Field(
        default=None,
        description="PostgreSQL for rate limits alone",
        json_schema_extra=unset("`DATABASE_URL`"),
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
        default=128,
        ge=2,
        description=(
            "passwords that may wait for a thread before calls are shed; half of them "
            "from one address"
        ),
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
        default=100,
        ge=1,
        description=(
            "wrong passwords and purchase tokens from one address; then one more each second"
        ),
    )
    drain_seconds: DrainSeconds = 3
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None,
        description=(
            "where traces go: a collector of OpenTelemetry, by OTLP over HTTP, as "
            "`http://host:4318`"
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


class TokenSettings(EnvironmentSettings):
    """What a worker is told about access tokens, sessions and their keys."""

    jwt_secret_key: SecretStr | None = Field(
        default=None,
        description=(
            "signs access tokens (HS256): at least 32 random bytes, the same for all workers"
        ),
        json_schema_extra=unset("made once under `up`, required elsewhere"),
    )
    jwt_algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"] = Field(
        default="HS256", description="`HS256`, or `RS256`, `ES256` or `EdDSA` with a key file"
    )
    jwt_private_key_file: Path | None = Field(
        default=None, description="the private key of `RS256`, `ES256` or `EdDSA`, in PEM form"
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


class PurchaseSettings(EnvironmentSettings):
    """What a worker is told about the stores that sell the app's paid part.

    A store of which nothing is set refuses everybody.
    """

    web_auth_api_key: SecretStr | None = Field(
        default=None, description="the token of Web; unset refuses all"
    )
    google_package_name: str | None = Field(default=None, description="the app on Google Play")
    google_product_id: str | None = Field(default=None, description="its product that counts")
    google_subscription_id: str | None = Field(
        default=None,
        description="its subscription that counts",
        json_schema_extra=unset("`GOOGLE_PRODUCT_ID`"),
    )
    google_service_account_file: Path | None = Field(
        default=None, description="the JSON key of a service account that may see purchases"
    )
    google_api_url: str = Field(
        default="https://androidpublisher.googleapis.com", description="Google Play Developer API"
    )
    apple_bundle_id: str | None = Field(default=None, description="the app in the App Store")
    apple_product_ids: str = Field(
        default="",
        description="its products that count, comma-separated",
        json_schema_extra=unset("all"),
    )
    apple_root_certificates: Path | None = Field(
        default=None, description="folder with Apple's root certificates: for signed transactions"
    )
    apple_issuer_id: str | None = Field(
        default=None, description="of a key for the App Store Server API: for transaction ids"
    )
    apple_key_id: str | None = Field(default=None, description="the id of that key")
    apple_private_key_file: Path | None = Field(default=None, description="that key, a .p8 file")
    apple_shared_secret: SecretStr | None = Field(
        default=None, description="the app's shared secret: for receipts from before StoreKit 2"
    )
    apple_sandbox: bool = Field(
        default=True, description="whether purchases of Apple's reviewers and testers count"
    )
    apple_api_url: str = Field(
        default="https://api.storekit.apple.com", description="App Store Server API"
    )
    apple_sandbox_api_url: str = Field(
        default="https://api.storekit-sandbox.apple.com", description="the same for testers"
    )
    apple_receipt_url: str = Field(
        default="https://buy.itunes.apple.com/verifyReceipt", description="reads receipts"
    )
    apple_sandbox_receipt_url: str = Field(
        default="https://sandbox.itunes.apple.com/verifyReceipt",
        description="reads testers' receipts",
    )
    revenuecat_api_key: SecretStr | None = Field(
        default=None, description="a secret API key, of the version used"
    )
    revenuecat_entitlement_id: str | None = Field(
        default=None, description="the entitlement: its `entl…` id in v2, its identifier in v1"
    )
    revenuecat_project_id: str | None = Field(
        default=None,
        description=(
            "the project, for API v2; unset, v1 is asked, which makes a customer of "
            "every token that it does not know"
        ),
    )
    revenuecat_url: str = Field(
        default="https://api.revenuecat.com", description="RevenueCat's REST API"
    )

    @field_validator(
        "google_api_url",
        "apple_api_url",
        "apple_sandbox_api_url",
        "apple_receipt_url",
        "apple_sandbox_receipt_url",
        "revenuecat_url",
    )
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must start with https://")
        return value.rstrip("/")


class GatewaySettings(EnvironmentSettings):
    """What the front door, Envoy, is told by the environment."""

    cors_origins: str = Field(
        default="*", description="origins that browsers may call from, comma-separated; `*` is any"
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="proxies in front of Envoy whose `X-Forwarded-For` is believed",
    )
    drain_seconds: DrainSeconds = 3


class PlannerSettings(EnvironmentSettings):
    """What a worker is told about the language model that makes plans."""

    openai_api_key: SecretStr | None = Field(
        default=None,
        description="the key of the model's provider; a server of one's own needs none",
    )
    openai_model: str = Field(default="gpt-5.4-mini", description="the model that makes plans")
    openai_base_url: str = Field(
        default=OPENAI_URL,
        description=(
            "where the model is: also Ollama, vLLM or llama.cpp, as `http://host:port/v1`"
        ),
    )
    rate_limit_web_per_day: int = Field(
        default=100, ge=1, description="answers of the model in 24 hours for a token of Web"
    )
    rate_limit_mobile_per_day: int = Field(
        default=20, ge=1, description="the same for a token of Google, Apple or RevenueCat"
    )
    ai_streams: int = Field(
        default=64, ge=1, le=1000, description="answers under way in one worker at the most"
    )
    ai_most_tokens: int = Field(
        default=16_000, ge=100, description="tokens of one answer at the most"
    )

    @property
    def has_model(self) -> bool:
        """Whether there is a model to ask: a provider's, or one's own."""
        return self.openai_api_key is not None or self.openai_base_url != OPENAI_URL

    @field_validator("openai_base_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")


class HouseSettings(EnvironmentSettings):
    """What `gymlocker up` makes itself unless it is given."""

    database_url: SecretStr | None = None
    jwt_secret_key: SecretStr | None = None


@dataclass(frozen=True)
class WorkerSettings:
    """All that a worker is told."""

    worker: Settings
    tokens: TokenSettings
    planner: PlannerSettings
    purchases: PurchaseSettings


def load_worker_settings() -> WorkerSettings:
    """Reads all that a worker is told. Raises StartError as `load` does."""
    return WorkerSettings(
        load(Settings), load(TokenSettings), load(PlannerSettings), load(PurchaseSettings)
    )


def load(settings: type[AnySettings]) -> AnySettings:
    """Reads `settings` from the environment, and from files what is not there.

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
