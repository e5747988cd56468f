"""Settings that are lists, or that name files, or that are in files."""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource

from server.errors import StartError


def listed(text: str) -> list[str]:
    """The parts of a comma-separated setting."""
    return [part.strip() for part in text.split(",") if part.strip()]


def content_of(setting: str, path: Path) -> bytes:
    """What is in the file that `setting` names. Raises StartError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(setting, path, error) from None


class DotEnv(DotEnvSettingsSource):
    """Settings out of `.env` in the current folder. Raises StartError if it is not text."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        # "-sig": some editors of Windows begin what they save as UTF-8 with a mark of their own.
        try:
            super().__init__(settings_cls, env_file=".env", env_file_encoding="utf-8-sig")
        except UnicodeDecodeError:
            place = Path(".env").absolute()
            raise StartError(f"{place} is not text (UTF-8): save it again, as UTF-8.") from None


class SecretFiles(PydanticBaseSettingsSource):
    """Settings out of the folder SECRETS_DIR, a file each, called like the setting.

    In small letters or in capitals. A file that is empty is a setting that is not set, as with
    variables. The library's own source passes over what it cannot read; this one raises StartError,
    for to go on without a secret may be to go on without what it guards.
    """

    def __call__(self) -> dict[str, Any]:
        """All that is in files, but for what the environment told already."""
        folder = self._folder()
        told = {name: self._told(folder, name) for name in self.settings_cls.model_fields}
        return {name: text for name, text in told.items() if text}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """As the library wants it: the value, the field's name, and that it is not JSON."""
        return self._told(self._folder(), field_name), field_name, False

    def _folder(self) -> Path | None:
        named = self.current_state.get("secrets_dir")
        if named is None:
            usual = Path(self.settings_cls.model_fields["secrets_dir"].default)
            # Outside of containers it is missing, or somebody else's, who keeps us out.
            return usual if os.access(usual, os.X_OK) else None
        if not Path(named).is_dir():
            raise StartError(f"SECRETS_DIR: {named} is not a folder.")
        return Path(named)

    def _told(self, folder: Path | None, name: str) -> str:
        if folder is None or name in self.current_state:
            return ""
        for path in (folder / name, folder / name.upper()):
            if text := _text_of(name.upper(), path):
                return text
        return ""


def _text_of(setting: str, path: Path) -> str:
    """The text in a file, without space around it; empty if it is missing. Raises StartError."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unreadable(setting, path, error) from None
    except UnicodeDecodeError:
        raise StartError(f"{setting}: {path} is not text (UTF-8).") from None


def _unreadable(setting: str, path: Path, error: OSError) -> StartError:
    return StartError(f"{setting}: {path} cannot be read ({error.strerror}).")
