"""The planner: the model that it asks, and the stores whose buyers it serves."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from server.libraries.settings.environment import EnvironmentSettings, unset

OPENAI_URL = "https://api.openai.com/v1"


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
        default=100,
        ge=1,
        description="answers of the model in 24 hours for a token of Web, or for a key",
    )
    rate_limit_mobile_per_day: int = Field(
        default=20, ge=1, description="the same for a token of Google, Apple or RevenueCat"
    )
    rate_limit_introductions_per_day: int = Field(
        default=50,
        ge=0,
        description=(
            "introductions of the model in 24 hours for a token or a key, which are no answers; "
            "0 is no limit"
        ),
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
