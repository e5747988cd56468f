"""Settings of the planner's language model."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from server.libraries.settings.environment import EnvironmentSettings

OPENAI_URL = "https://api.openai.com/v1"


class PlannerSettings(EnvironmentSettings):
    """Settings of the language model that makes plans."""

    openai_api_key: SecretStr | None = Field(
        default=None,
        description="API key of the model provider; not needed for your own model server",
    )
    openai_model: str = Field(default="gpt-5.4-mini", description="model that generates plans")
    openai_base_url: str = Field(
        default=OPENAI_URL,
        description="URL of the model API; for Ollama, vLLM or llama.cpp, `http://host:port/v1`",
    )
    rate_limit_web_per_day: int = Field(
        default=100,
        ge=1,
        description="answers in 24 hours per Web token or API key",
    )
    rate_limit_mobile_per_day: int = Field(
        default=20, ge=1, description="answers in 24 hours per Google, Apple or RevenueCat token"
    )
    rate_limit_introductions_per_day: int = Field(
        default=50,
        ge=0,
        description=(
            "introductions in 24 hours per token or key, which do not count as answers; 0 means no "
            "limit"
        ),
    )
    ai_streams: int = Field(
        default=64, ge=1, le=1000, description="maximum answers in progress per worker"
    )
    ai_most_tokens: int = Field(default=16_000, ge=100, description="maximum tokens per answer")

    @property
    def has_model(self) -> bool:
        """Check whether a model is configured: a provider's, or your own server."""
        return self.openai_api_key is not None or self.openai_base_url != OPENAI_URL

    @field_validator("openai_base_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")
