"""Settings of the app's backups."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from server.errors import StartError
from server.libraries.limits.rate import Rate
from server.libraries.settings.environment import EnvironmentSettings, unset
from server.libraries.settings.files import listed
from server.libraries.settings.limits import RateSetting

SCHEMES = ("file", "s3", "gs", "az")


class BackupSettings(EnvironmentSettings):
    """Settings of the store of backups, of their encryption and of their retention."""

    backup_store: str | None = Field(
        default=None,
        description=(
            "place of the backups: `file:/folder`, `s3://bucket/prefix`, `gs://bucket/prefix` or "
            "`az://container/prefix`"
        ),
        json_schema_extra=unset("a folder under `up`; elsewhere, backups are off"),
    )
    backup_age_recipients: str = Field(
        default="",
        description="public keys of age that backups are encrypted for, comma-separated",
        json_schema_extra=unset("the public key of the first identity file"),
    )
    backup_age_identity_file: str = Field(
        default="",
        description=(
            "files with private keys of age that read backups, comma-separated: the current one, "
            "then old ones"
        ),
        json_schema_extra=unset("made once under `up`; elsewhere, backups are off"),
    )
    backup_plaintext: bool = Field(
        default=False, description="stores backups without encryption, instead of keys"
    )
    backup_max_mebibytes: int = Field(
        default=64, ge=1, le=1024, description="maximum size of a backup in MiB"
    )
    backup_keep_last: int = Field(
        default=10, ge=1, description="newest backups that are kept for each user"
    )
    backup_keep_daily: int = Field(
        default=7, ge=0, description="days before these of which the newest backup is kept"
    )
    backup_keep_weekly: int = Field(
        default=4, ge=0, description="weeks before these of which the newest backup is kept"
    )
    backup_keep_monthly: int = Field(
        default=12, ge=0, description="months before these of which the newest backup is kept"
    )
    backups_per_user: RateSetting = Field(
        default=Rate(20, 180),
        description="backups of one user: 20 at once, then one per 180 s; 0 means no limit",
    )
    aws_access_key_id: str | None = Field(
        default=None, description="access key of an S3 store; other `AWS_…` variables work too"
    )
    aws_secret_access_key: SecretStr | None = Field(
        default=None, description="secret key of an S3 store"
    )
    aws_region: str | None = Field(default=None, description="region of an S3 store")
    aws_endpoint_url: str | None = Field(
        default=None,
        description="URL of an S3 server of your own, such as `http://minio:9000`",
        json_schema_extra=unset("Amazon's"),
    )

    @field_validator("backup_store")
    @classmethod
    def _has_place(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
        if not is_folder and not (parts.scheme in SCHEMES[1:] and parts.netloc):
            raise ValueError(
                "must be file:/folder (an absolute path), s3://bucket/prefix, gs://bucket/prefix "
                "or az://container/prefix"
            )
        return value

    @property
    def recipients(self) -> list[str]:
        """Return the public keys."""
        return listed(self.backup_age_recipients.replace("\n", ","))

    @property
    def identity_files(self) -> list[Path]:
        """Return the files with private keys."""
        return [Path(name) for name in listed(self.backup_age_identity_file.replace("\n", ","))]

    @property
    def folder(self) -> Path | None:
        """Return the folder of the store; None if it is not one."""
        if self.backup_store is None or not self.backup_store.startswith("file:"):
            return None
        return Path(urlsplit(self.backup_store).path)

    @property
    def are_set(self) -> bool:
        """Check whether backups are set up. Raises StartError if they are in part."""
        has_keys = self.backup_plaintext or bool(self.identity_files)
        if self.recipients and not has_keys:
            raise StartError(
                "BACKUP_AGE_RECIPIENTS is set without BACKUP_AGE_IDENTITY_FILE: name the file with "
                "the private key, for the server must return backups."
            )
        if self.backup_store and not has_keys:
            raise StartError(
                "BACKUP_STORE is set without keys: set BACKUP_AGE_IDENTITY_FILE (age-keygen makes "
                "one), or BACKUP_PLAINTEXT=true to store backups without encryption."
            )
        if has_keys and not self.backup_store:
            raise StartError(
                "Keys for backups are set without a place: set BACKUP_STORE, such as "
                "file:/srv/backups."
            )
        return has_keys
