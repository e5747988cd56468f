"""Settings of Web Push."""

from pathlib import Path

from pydantic import Field, field_validator

from server.libraries.limits.rate import Rate
from server.libraries.settings.environment import EnvironmentSettings, unset
from server.libraries.settings.limits import RateSetting


class PushSettings(EnvironmentSettings):
    """Settings of the pushes that wake devices for their inbox."""

    vapid_private_key_file: Path | None = Field(
        default=None,
        description=(
            "private key that pushes are signed with, a PEM file with a P-256 key; the same for "
            "all workers, for devices subscribe with it"
        ),
        json_schema_extra=unset("made once under `up`; elsewhere, push is off"),
    )
    vapid_subject: str | None = Field(
        default=None,
        description=(
            "contact of the operator for push services, `mailto:` or `https:`; Apple's requires one"
        ),
    )
    push_per_host: RateSetting = Field(
        default=Rate(600, 0.1),
        description="pushes to one push service: 600 at once, then one per 0.1 s; 0 means no limit",
    )
    push_registrations_per_user: RateSetting = Field(
        default=Rate(20, 4320),
        description=(
            "registrations of push endpoints by one user: 20 at once, then one per 4,320 s; a "
            "network may make ten times as many; 0 means no limit"
        ),
    )
    push_allow_private: bool = Field(
        default=False,
        description=(
            "allows push endpoints at private addresses and other ports than 443, for a push "
            "server of your own in a network whose users you trust"
        ),
    )

    @field_validator("vapid_subject")
    @classmethod
    def _is_contact(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("mailto:", "https://")):
            raise ValueError("must start with mailto: or https://")
        return value
