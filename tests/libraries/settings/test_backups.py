"""Settings of backups."""

from typing import Any

import pytest
from pydantic import ValidationError

from server.errors import StartError
from server.libraries.settings import BackupSettings

PLACE = {"backup_store": "file:/srv/backups"}
KEY = {"backup_age_identity_file": "/etc/identity"}


class TestBackupStore:
    @pytest.mark.parametrize(
        "value",
        ["file:/srv/x", "file:///srv/x", "s3://bucket/a/b", "s3://bucket", "gs://b", "az://c/p"],
    )
    def test_accepts_places(self, value: str) -> None:
        assert BackupSettings(backup_store=value).backup_store == value

    @pytest.mark.parametrize(
        "value", ["/srv/x", "file:srv", "file://host/srv", "s3:bucket", "ftp://host/x", "s3://"]
    )
    def test_rejects_others(self, value: str) -> None:
        with pytest.raises(ValidationError, match="must be file:/folder"):
            BackupSettings(backup_store=value)


class TestAreSet:
    @pytest.mark.parametrize(
        ("given", "are_set"),
        [({}, False), (PLACE | KEY, True), (PLACE | {"backup_plaintext": True}, True)],
    )
    def test_needs_place_and_keys(self, given: dict[str, Any], are_set: bool) -> None:
        assert BackupSettings.model_validate(given).are_set is are_set

    @pytest.mark.parametrize(
        ("given", "missing"),
        [
            (PLACE, "set BACKUP_AGE_IDENTITY_FILE"),
            (KEY, "set BACKUP_STORE"),
            ({"backup_plaintext": True}, "set BACKUP_STORE"),
            (PLACE | {"backup_age_recipients": "age1x"}, "the private key"),
        ],
    )
    def test_half_of_it_is_an_error(self, given: dict[str, Any], missing: str) -> None:
        with pytest.raises(StartError, match=missing):
            _ = BackupSettings.model_validate(given).are_set
