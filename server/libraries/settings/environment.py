"""The sources of settings, and the error for invalid ones."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from server.errors import StartError
from server.libraries.settings.files import DotEnv, SecretFiles

AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def unset(meaning: str) -> JsonDict:
    """Return the meaning of a missing value, for the table of settings."""
    return {"unset": meaning}


class EnvironmentSettings(BaseSettings):
    """The base class of settings, with their sources."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        # The environment also has variables of other programs.
        extra="ignore",
    )

    secrets_dir: Path = Field(
        default=Path("/run/secrets"),
        description=(
            "directory with one file per setting that is not in the environment, such as "
            "`jwt_secret_key`"
        ),
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources: the environment takes precedence over files."""
        return init_settings, env_settings, DotEnv(settings_cls), SecretFiles(settings_cls)


def load(settings: type[AnySettings], **given: Any) -> AnySettings:
    """Read `settings` from the environment, and from files where it lacks them.

    Values in `given` take precedence. Raises StartError with the names of missing or invalid
    variables, but never their values, which may contain a password.
    """
    try:
        return settings(**given)
    except ValidationError as error:
        problems = "; ".join(
            f"{str(each['loc'][0]).upper()}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        )
        raise StartError(f"Invalid settings: {problems}. See docs/settings.md.") from None
