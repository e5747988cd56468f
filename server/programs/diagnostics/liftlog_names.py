"""The variables of LiftLog's own server, and what they are called here.

People who come from there have them in their compose files. .NET takes `Section__Key` in any case.
"""

# None: there is nothing of the kind here, or it needs no setting.
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


def is_liftlogs(name: str) -> bool:
    """Whether LiftLog's server reads the variable."""
    return name.casefold() in _BY_FOLDED


def name_here(name: str) -> str | None:
    """What a variable of LiftLog's is called here; None if it is called nothing."""
    return _BY_FOLDED.get(name.casefold())
