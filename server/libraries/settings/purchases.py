"""Settings of the stores that sell access to the planner."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from server.libraries.settings.environment import EnvironmentSettings, unset


class PurchaseSettings(EnvironmentSettings):
    """Settings of the stores that sell the app's paid features.

    A store without settings rejects all purchases.
    """

    web_auth_api_key: SecretStr | None = Field(
        default=None, description="token of Web; if unset, Web tokens are rejected"
    )
    google_package_name: str | None = Field(
        default=None, description="package name of the app on Google Play"
    )
    google_product_id: str | None = Field(
        default=None, description="accepted product on Google Play"
    )
    google_subscription_id: str | None = Field(
        default=None,
        description="accepted subscription on Google Play",
        json_schema_extra=unset("`GOOGLE_PRODUCT_ID`"),
    )
    google_service_account_file: Path | None = Field(
        default=None, description="JSON key of a service account that may read purchases"
    )
    google_api_url: str = Field(
        default="https://androidpublisher.googleapis.com", description="Google Play Developer API"
    )
    apple_bundle_id: str | None = Field(
        default=None, description="bundle id of the app in the App Store"
    )
    apple_product_ids: str = Field(
        default="",
        description="accepted products in the App Store, comma-separated",
        json_schema_extra=unset("all"),
    )
    apple_root_certificates: Path | None = Field(
        default=None,
        description="directory with Apple's root certificates, for signed transactions",
    )
    apple_issuer_id: str | None = Field(
        default=None,
        description="issuer id of a key for the App Store Server API, for transaction ids",
    )
    apple_key_id: str | None = Field(default=None, description="id of that key")
    apple_private_key_file: Path | None = Field(default=None, description="that key, a `.p8` file")
    apple_shared_secret: SecretStr | None = Field(
        default=None, description="shared secret of the app, for receipts older than StoreKit 2"
    )
    apple_sandbox: bool = Field(
        default=True, description="whether purchases of Apple's reviewers and testers are accepted"
    )
    apple_api_url: str = Field(
        default="https://api.storekit.apple.com", description="App Store Server API"
    )
    apple_sandbox_api_url: str = Field(
        default="https://api.storekit-sandbox.apple.com",
        description="App Store Server API for testers",
    )
    apple_receipt_url: str = Field(
        default="https://buy.itunes.apple.com/verifyReceipt",
        description="Apple's receipt validation",
    )
    apple_sandbox_receipt_url: str = Field(
        default="https://sandbox.itunes.apple.com/verifyReceipt",
        description="Apple's receipt validation for testers",
    )
    revenuecat_api_key: SecretStr | None = Field(
        default=None, description="secret API key for the API version in use"
    )
    revenuecat_entitlement_id: str | None = Field(
        default=None, description="required entitlement: its `entl…` id (v2) or its identifier (v1)"
    )
    revenuecat_project_id: str | None = Field(
        default=None,
        description=(
            "project, for API v2; if unset, v1 is used, which creates a customer for every unknown "
            "token"
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
