"""Settings that are lists, or that name files."""

from pathlib import Path

from server.errors import StartError


def listed(text: str) -> list[str]:
    """The parts of a comma-separated setting."""
    return [part.strip() for part in text.split(",") if part.strip()]


def content_of(setting: str, path: Path) -> bytes:
    """What is in the file that `setting` names. Raises StartError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(f"{setting}: {path} cannot be read ({error.strerror}).") from None
