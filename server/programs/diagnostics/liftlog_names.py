"""The settings of LiftLog's own server, and their names in Gymlocker.

People who migrate have them in their compose files. .NET reads `Section__Key` in any case.
docs/takeover.md has the same table, with what differs in the values.
"""

import re

# None: Gymlocker has no such setting, or needs none.
NAMES: dict[str, str | None] = {
    "Database__ConnectionString": "DATABASE_URL",
    "Database__Provider": None,
    "ConnectionStrings__UserDataContext": "DATABASE_URL",
    "ConnectionStrings__RateLimitContext": "RATE_LIMIT_DATABASE_URL",
    "SkipDatabaseMigrations": None,
    "Auth__ApiKey__Value": "API_KEY",
    "Auth__ForwardAuth__UserHeader": "FORWARD_AUTH_USER_HEADER",
    "Auth__ForwardAuth__TrustedProxies": "FORWARD_AUTH_TRUSTED_PROXIES",
    "Auth__PurchaseToken__RevenueCatApiKey": "REVENUECAT_API_KEY",
    "Auth__PurchaseToken__RevenueCatProjectId": "REVENUECAT_PROJECT_ID",
    "Auth__PurchaseToken__RevenueCatProEntitlementId": "REVENUECAT_ENTITLEMENT_ID",
    "RevenueCatApiKey": "REVENUECAT_API_KEY",
    "RevenueCatProjectId": "REVENUECAT_PROJECT_ID",
    "RevenueCatProEntitlementId": "REVENUECAT_ENTITLEMENT_ID",
    "WebAuthApiKey": "WEB_AUTH_API_KEY",
    "OpenAiApiKey": "OPENAI_API_KEY",
    "AnthropicApiKey": "OPENAI_API_KEY",
    "AiPlanner__AnthropicApiKey": "OPENAI_API_KEY",
    "AiPlanner__AnthropicModelId": "OPENAI_MODEL",
    "AnthropicModelId": "OPENAI_MODEL",
    "GooglePlayServiceAccountEmail": "GOOGLE_SERVICE_ACCOUNT_FILE",
    "GooglePlayServiceAccountKeyBase64": "GOOGLE_SERVICE_ACCOUNT_FILE",
    "Feed__Enabled": "FEED_ENABLED",
    "Sharing__Enabled": "SHARING_ENABLED",
    "AiPlanner__Enabled": "AI_PLANNER_ENABLED",
    "Backup__Enabled": "BACKUP_ENABLED",
    "Backup__Sink": "BACKUP_STORE",
    "Backup__SinkOptions__BackupDirectory": "BACKUP_STORE",
    "Backup__SinkOptions__BucketName": "BACKUP_STORE",
    "Backup__SinkOptions__KeyPrefix": "BACKUP_STORE",
    "Backup__SinkOptions__ServiceUrl": "AWS_ENDPOINT_URL",
    "Backup__SinkOptions__Region": "AWS_REGION",
    "Backup__SinkOptions__ForcePathStyle": None,
    "Backup__SinkOptions__AccessKeyId": "AWS_ACCESS_KEY_ID",
    "Backup__SinkOptions__SecretAccessKey": "AWS_SECRET_ACCESS_KEY",
    # Before there was Auth__ApiKey__Value.
    "Backup__ApiKey": "API_KEY",
    "AiPlanner__ApiKey": "API_KEY",
}
FROM_SQLITE = (
    "Gymlocker stores everything in PostgreSQL; bring the SQLite database in with "
    "`gymlocker migrate --from-sqlite FILE`"
)
_BY_FOLDED = {name.casefold(): meant for name, meant in NAMES.items()}
_SQLITE = re.compile(r"\s*(sqlite\s*$|(data source|datasource|filename)\s*=)", re.IGNORECASE)


def is_liftlog_name(name: str) -> bool:
    """Check whether LiftLog's server reads the variable."""
    return name.casefold() in _BY_FOLDED


def gymlocker_name(name: str) -> str | None:
    """Return the name in Gymlocker of a setting of LiftLog's server; None if there is none."""
    return _BY_FOLDED.get(name.casefold())


def is_of_sqlite(name: str, value: str) -> bool:
    """Check whether the variable of LiftLog's server selects a SQLite database."""
    return name.casefold().startswith("database__") and _SQLITE.match(value) is not None
