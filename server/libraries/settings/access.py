"""API keys of the server, for scripts and apps."""

import re

from pydantic import Field, SecretStr, field_validator

from server.libraries.settings.environment import EnvironmentSettings

# Fits into a header as it is.
_KEY = re.compile(r"[!-~]+")


class AccessSettings(EnvironmentSettings):
    """Settings of access without an account."""

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
            raise ValueError("must contain only visible ASCII characters, to fit into a header")
        return value
