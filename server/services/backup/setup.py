"""The store and the cipher of the settings. Heavy libraries are imported only here."""

from server.libraries.settings import BackupSettings
from server.services.backup.encryption import Cipher, PlainCipher, age_cipher
from server.services.backup.folder_store import FolderStore
from server.services.backup.object_store import ObjectStore
from server.services.backup.retention import Retention


def store_of(settings: BackupSettings) -> ObjectStore:
    """Return the store. Raises StartError if its settings are wrong."""
    if settings.folder is not None:
        return FolderStore(settings.folder)
    from server.services.backup.bucket_store import BucketStore

    return BucketStore(settings)


def cipher_of(settings: BackupSettings) -> Cipher:
    """Return the cipher of new backups. Raises StartError if a key is missing or malformed."""
    if settings.backup_plaintext and not settings.identity_files:
        return PlainCipher()
    cipher = age_cipher(settings.recipients, settings.identity_files)
    return PlainCipher(cipher) if settings.backup_plaintext else cipher


def retention_of(settings: BackupSettings) -> Retention:
    """Return the numbers of backups to keep."""
    return Retention(
        last=settings.backup_keep_last,
        daily=settings.backup_keep_daily,
        weekly=settings.backup_keep_weekly,
        monthly=settings.backup_keep_monthly,
    )
