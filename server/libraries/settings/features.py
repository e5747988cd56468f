"""Switches of the features that a server offers."""

from pydantic import Field

from server.libraries.settings.environment import EnvironmentSettings


class FeatureSettings(EnvironmentSettings):
    """Which features a worker serves. Calls of one that is off are answered with 423."""

    feed_enabled: bool = Field(
        default=True, description="whether events, follow secrets and the inbox are served"
    )
    sharing_enabled: bool = Field(default=True, description="whether shared items are served")
    ai_planner_enabled: bool = Field(default=True, description="whether the planner is served")
    backup_enabled: bool = Field(
        default=True, description="whether backups are served, once there are any"
    )
