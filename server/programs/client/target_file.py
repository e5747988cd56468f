"""Files that a command writes: none is overwritten by accident."""

from pathlib import Path

from server.errors import StartError


def target_file(name: str, *, force: bool, omitted: str = "") -> Path:
    """Return the path of the file. Raises StartError if it cannot be written there.

    `omitted` is advice on leaving the name out, if that is possible.
    """
    try:
        path = Path(name).resolve()
        _require_new_file(path, force=force, omitted=omitted)
    except OSError as error:
        # Of a folder that cannot be searched, or a name that is too long.
        raise StartError(f"{name} cannot be written ({error.strerror}).") from error
    return path


def _require_new_file(path: Path, *, force: bool, omitted: str) -> None:
    if path.is_dir():
        raise StartError(f"{path} is a folder: pass the name of a file.")
    if path.exists() and not path.is_file():
        raise StartError(f"{path} is not a regular file: choose another name{omitted}.")
    if path.exists() and not force:
        raise already_exists(path)
    if not path.parent.is_dir():
        raise StartError(f"The folder {path.parent} does not exist: create it first.")


def already_exists(path: Path) -> StartError:
    """Return the error for a file that exists."""
    return StartError(f"{path} already exists: choose another name, or overwrite it with --force.")
