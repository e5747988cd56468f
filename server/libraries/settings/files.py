"""Settings from files, and settings that are lists or name files."""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource

from server.errors import StartError


def listed(text: str) -> list[str]:
    """Split a comma-separated setting."""
    return [part.strip() for part in text.split(",") if part.strip()]


def content_of(setting: str, path: Path) -> bytes:
    """Read the file that `setting` names. Raises StartError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(setting, path, error) from None


class DotEnv(DotEnvSettingsSource):
    """Settings from `.env` in the current folder. Raises StartError if it is not UTF-8."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        # "-sig": some editors on Windows start UTF-8 files with a byte order mark.
        try:
            super().__init__(settings_cls, env_file=".env", env_file_encoding="utf-8-sig")
        except UnicodeDecodeError:
            path = Path(".env").absolute()
            raise StartError(f"{path} is not UTF-8 text: save it as UTF-8.") from None


class SecretFiles(PydanticBaseSettingsSource):
    """Settings from the folder SECRETS_DIR, in files named like the settings.

    Names are in lower case or capitals. An empty file is an unset setting, as with variables. The
    library's own source skips unreadable files. This one raises StartError, because a server
    without a secret may run without the protection that it provides.
    """

    def __call__(self) -> dict[str, Any]:
        """Return the settings in files, except those from sources with precedence."""
        folder = self._folder()
        found = {name: self._read(folder, name) for name in self.settings_cls.model_fields}
        return {name: text for name, text in found.items() if text}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value, the field's name, and that the value is not JSON."""
        return self._read(self._folder(), field_name), field_name, False

    def _folder(self) -> Path | None:
        named = self.current_state.get("secrets_dir")
        if named is None:
            default = Path(self.settings_cls.model_fields["secrets_dir"].default)
            # Outside of containers it is missing or inaccessible.
            return default if os.access(default, os.X_OK) else None
        if not Path(named).is_dir():
            raise StartError(f"SECRETS_DIR: {named} is not a folder.")
        return Path(named)

    def _read(self, folder: Path | None, name: str) -> str:
        if folder is None or name in self.current_state:
            return ""
        for path in (folder / name, folder / name.upper()):
            if text := _text_of(name.upper(), path):
                return text
        return ""


def _text_of(setting: str, path: Path) -> str:
    """Return the stripped text of a file; empty if it is missing. Raises StartError."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unreadable(setting, path, error) from None
    except UnicodeDecodeError:
        raise StartError(f"{setting}: {path} is not UTF-8 text.") from None


def _unreadable(setting: str, path: Path, error: OSError) -> StartError:
    return StartError(f"{setting}: {path} cannot be read ({error.strerror}).")
