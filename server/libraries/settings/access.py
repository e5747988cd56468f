"""Settings of access: keys of the server, registration, and forward authentication."""

import re
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from server.libraries.network.networks import Networks, parse_networks
from server.libraries.settings.environment import EnvironmentSettings, unset

# Fits into a header as it is.
_KEY = re.compile(r"[!-~]+")
_HEADER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.IGNORECASE)
# Headers that the server, Envoy, gRPC or every client use for something else.
_OTHER_HEADERS = re.compile(
    r"authorization|cookie|host|te|connection|upgrade|user-agent|traceparent|tracestate|baggage"
    r"|forwarded|via|origin|referer|from|date|expect|x-api-key|x-client-address|x-direct-peer"
    r"|x-request-id|x-http-status|x-liftlog-probe|x-grpc-.*|x-content-type|x-forwarded-(for|proto"
    r"|host|port)|(accept|content|if|sec|grpc|x-envoy|access-control|proxy|transfer)(-.*)?|.*-bin",
    re.IGNORECASE,
)


class AccessSettings(EnvironmentSettings):
    """Settings of access without an account, and of new accounts."""

    api_key: SecretStr | None = Field(
        default=None,
        description=(
            "shared key of the server, long and random; callers that send it as `X-API-Key` may "
            "use the planner and share one set of backups"
        ),
    )
    registration: Literal["open", "key", "closed"] = Field(
        default="open",
        description=(
            "who may create users and accounts: anyone (`open`), callers with "
            "`REGISTRATION_KEY` or an invitation (`key`), or nobody (`closed`)"
        ),
    )
    registration_key: SecretStr | None = Field(
        default=None,
        description="key for `REGISTRATION=key`, sent as `X-API-Key` or `inviteCode`",
        json_schema_extra=unset("`API_KEY`"),
    )
    forward_auth_user_header: str | None = Field(
        default=None,
        description=(
            "header in which a proxy in front sends the name of the user that it has "
            "authenticated, such as `Remote-User`; for backups"
        ),
    )
    forward_auth_trusted_proxies: str = Field(
        default="",
        validate_default=True,
        description=(
            "addresses and networks of the proxies whose `FORWARD_AUTH_USER_HEADER` is trusted, "
            "comma-separated; they must connect directly"
        ),
    )

    @property
    def required_registration_key(self) -> SecretStr | None:
        """Return the key for REGISTRATION=key."""
        return self.registration_key or self.api_key

    @property
    def trusted_proxies(self) -> Networks:
        """Return the networks of FORWARD_AUTH_TRUSTED_PROXIES."""
        return parse_networks(self.forward_auth_trusted_proxies)

    @field_validator("api_key", "registration_key")
    @classmethod
    def _fits_into_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _KEY.fullmatch(value.get_secret_value()):
            raise ValueError("must contain only visible ASCII characters, to fit into a header")
        return value

    @field_validator("forward_auth_user_header")
    @classmethod
    def _is_own_header(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not _HEADER.fullmatch(value):
            raise ValueError(
                "must be the name of a header of letters, digits and hyphens, such as Remote-User"
            )
        if _OTHER_HEADERS.fullmatch(value):
            raise ValueError(
                f"{value} is used for something else; choose another one, such as Remote-User"
            )
        return value

    @field_validator("forward_auth_trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str, info: ValidationInfo) -> str:
        try:
            proxies = parse_networks(value)
        except ValueError:
            raise ValueError(
                "must be addresses and networks, such as 127.0.0.1, 10.0.0.0/8"
            ) from None
        # Absent if it is invalid itself.
        header = info.data.get("forward_auth_user_header", "")
        if header is None and proxies:
            raise ValueError("needs FORWARD_AUTH_USER_HEADER; set both or neither")
        if header and not proxies:
            raise ValueError(
                "is required with FORWARD_AUTH_USER_HEADER, or anyone could send that header"
            )
        return value
