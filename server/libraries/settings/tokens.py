"""Settings of access tokens, sessions and signing keys."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from server.libraries.settings.environment import EnvironmentSettings, unset


class TokenSettings(EnvironmentSettings):
    """Settings of access tokens, sessions and their keys."""

    jwt_secret_key: SecretStr | None = Field(
        default=None,
        description=(
            "key that signs access tokens (HS256): at least 32 random bytes, the same for all "
            "workers; repetitions and words are rejected"
        ),
        json_schema_extra=unset("generated once under `up`, required elsewhere"),
    )
    jwt_algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"] = Field(
        default="HS256", description="`HS256`; or `RS256`, `ES256` or `EdDSA` with a key file"
    )
    jwt_private_key_file: Path | None = Field(
        default=None, description="private key for `RS256`, `ES256` or `EdDSA`, PEM"
    )
    jwt_previous_secret_keys: SecretStr = Field(
        default=SecretStr(""),
        description="additional keys whose tokens are accepted, for rotation; comma-separated",
    )
    jwt_previous_key_files: str = Field(
        default="", description="the same as files with public or private keys, comma-separated"
    )
    jwt_issuer: str = Field(default="gymlocker", description="`iss` claim of access tokens")
    jwt_audience: str = Field(default="gymlocker", description="`aud` claim of access tokens")
    access_token_expire_minutes: float = Field(
        default=60, gt=0, le=1440, description="minutes for which an access token is valid"
    )
    refresh_token_expire_days: float = Field(
        default=30, gt=0, le=3650, description="days after which an unused session ends"
    )
    refresh_grace_seconds: float = Field(
        default=60,
        ge=0,
        le=3600,
        description=(
            "seconds for which a used refresh token is accepted again; longer while its successor "
            "is unused"
        ),
    )
