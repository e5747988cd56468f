"""Keys of the server's own, by which scripts and apps may call."""

import re

from pydantic import Field, SecretStr, field_validator

from server.libraries.settings.environment import EnvironmentSettings

# What fits into a header as it is.
_KEY = re.compile(r"[!-~]+")


class AccessSettings(EnvironmentSettings):
    """Who may call without an account of their own."""

    api_key: SecretStr | None = Field(
        default=None,
        description=(
            "shared key of the server, long and random; callers that send it as `X-API-Key` may "
            "use the planner"
        ),
    )

    @field_validator("api_key")
    @classmethod
    def _fits_into_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _KEY.fullmatch(value.get_secret_value()):
            raise ValueError("must be visible ASCII characters, which fit into a header")
        return value
