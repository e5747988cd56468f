"""The settings of LiftLog's own server, and their names in Gymlocker.

People who migrate have them in their compose files. .NET reads `Section__Key` in any case.
"""

# None: Gymlocker has no such setting, or needs none.
NAMES: dict[str, str | None] = {
    "Database__ConnectionString": "DATABASE_URL",
    "Database__Provider": None,
    "ConnectionStrings__UserDataContext": "DATABASE_URL",
    "ConnectionStrings__RateLimitContext": "RATE_LIMIT_DATABASE_URL",
    "SkipDatabaseMigrations": None,
    "Auth__ApiKey__Value": "API_KEY",
    "Auth__ForwardAuth__UserHeader": None,
    "Auth__ForwardAuth__TrustedProxies": None,
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
    "GooglePlayServiceAccountEmail": "GOOGLE_SERVICE_ACCOUNT_FILE",
    "GooglePlayServiceAccountKeyBase64": "GOOGLE_SERVICE_ACCOUNT_FILE",
    "Feed__Enabled": "FEED_ENABLED",
    "Sharing__Enabled": "SHARING_ENABLED",
    "AiPlanner__Enabled": "AI_PLANNER_ENABLED",
    "Backup__Enabled": "BACKUP_ENABLED",
    "Backup__Sink": None,
    "Backup__SinkOptions__BackupDirectory": None,
    "Backup__SinkOptions__BucketName": None,
    "Backup__SinkOptions__Region": None,
}
_BY_FOLDED = {name.casefold(): meant for name, meant in NAMES.items()}


def is_liftlog_name(name: str) -> bool:
    """Check whether LiftLog's server reads the variable."""
    return name.casefold() in _BY_FOLDED


def gymlocker_name(name: str) -> str | None:
    """Return the name in Gymlocker of a setting of LiftLog's server; None if there is none."""
    return _BY_FOLDED.get(name.casefold())
