"""Switches of features."""

from pydantic import Field

from server.libraries.settings.environment import EnvironmentSettings


class FeatureSettings(EnvironmentSettings):
    """Features that a worker serves. Calls of a feature that is off get 423."""

    feed_enabled: bool = Field(
        default=True, description="enables events, follow secrets and the inbox"
    )
    sharing_enabled: bool = Field(default=True, description="enables shared items")
    ai_planner_enabled: bool = Field(default=True, description="enables the planner")
    backup_enabled: bool = Field(
        default=True,
        description="enables backups of the app, where a store and keys for them are set",
    )
