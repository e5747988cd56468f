"""Whence settings are read, and what is said if they are wrong."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from server.errors import StartError
from server.libraries.settings.files import DotEnv, SecretFiles

AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def unset(meaning: str) -> JsonDict:
    """What it means that a setting is not set, for docs/settings.md."""
    return {"unset": meaning}


class EnvironmentSettings(BaseSettings):
    """What all settings have in common: whence they are read."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        # It may be told things that are other programs' business.
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
        """The environment before the files."""
        return init_settings, env_settings, DotEnv(settings_cls), SecretFiles(settings_cls)


def load(settings: type[AnySettings], **given: Any) -> AnySettings:
    """Reads `settings` from the environment, and from files what is not there.

    What is `given` is read nowhere. Raises StartError, naming the variables that are missing or
    wrong, but never a value: it may hold a password.
    """
    try:
        return settings(**given)
    except ValidationError as error:
        faults = "; ".join(
            f"{str(fault['loc'][0]).upper()}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise StartError(f"The settings are not usable: {faults}. See docs/settings.md.") from None
