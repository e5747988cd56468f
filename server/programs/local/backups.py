"""The store and the key of backups, of a server without settings for them."""

from datetime import UTC, datetime
from pathlib import Path

from server.errors import StartError
from server.libraries.common.atomic_file import whole_file
from server.libraries.settings import BackupSettings, load


def backup_environment(folder: Path) -> dict[str, str]:
    """Return the settings of backups that are not given: places in the data folder.

    The key is created once. Raises StartError if it cannot be written.
    """
    settings, found = load(BackupSettings), {}
    if not settings.backup_store:
        found["BACKUP_STORE"] = f"file:{folder / 'backups'}"
    if not (settings.recipients or settings.identity_files or settings.backup_plaintext):
        identity = folder / "backup-age-identity"
        create_age_identity(identity)
        found["BACKUP_AGE_IDENTITY_FILE"] = str(identity)
    return found


def create_age_identity(path: Path) -> None:
    """Create a private key of age, as age-keygen would, unless the file exists."""
    if path.exists():
        return
    from pyrage import x25519

    identity = x25519.Identity.generate()
    created = datetime.now(UTC).isoformat(timespec="seconds")
    text = f"# created: {created}\n# public key: {identity.to_public()}\n{identity}\n"
    try:
        with whole_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise StartError(f"{path} cannot be written ({error.strerror}).") from error
