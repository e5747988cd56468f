"""`gymlocker backups`."""

import gzip
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from server.libraries.settings import BackupSettings
from server.programs.local.backups import create_age_identity
from server.services.backup.setup import cipher_of
from tests.programs.administration.conftest import Gymlocker, Query
from tests.programs.administration.rows import add_backup, add_identity, add_object

IDENTITIES = (("default", ""), ("forwarded", "eve"))
# Larger than a chunk.
CONTENT = gzip.compress(os.urandom(600_000))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a `gymlocker up`, with a store and its key."""
    folder = tmp_path / ".gymlocker"
    (folder / "backups" / "objects").mkdir(parents=True)
    create_age_identity(folder / "backup-age-identity")
    return folder


@pytest.fixture
def ada(gymlocker: Gymlocker, database_url: str) -> UUID:
    ended = gymlocker("users", "create", "ada", "--json", "--generate")
    return UUID(json.loads(ended.output)["id"])


def stored(query: Query, folder: Path, user_id: UUID, hour: int, content: bytes = CONTENT) -> UUID:
    """Store a backup as a worker does; return its id."""
    digest = hashlib.sha256(content).digest()
    object_id = add_object(query, user_id, digest, len(content))
    identity = str(folder / "backup-age-identity")
    cipher = cipher_of(BackupSettings(backup_age_identity_file=identity))
    with (folder / "backups" / "objects" / f"{object_id}.age").open("wb") as file:
        cipher.encrypt(io.BytesIO(content), file)
    return add_backup(query, user_id, object_id, hour)


class TestList:
    def test_shows_owners_newest_first(self, gymlocker: Gymlocker, ada: UUID, query: Query) -> None:
        assert gymlocker("backups", "list").output == "There are no backups.\n"
        owners = [ada, *(add_identity(query, *each) for each in IDENTITIES)]
        ids = [
            str(add_backup(query, owner, add_object(query, owner, b"\x01\x02", 1234), hour))
            for owner in owners
            for hour in (1, 2)
        ]
        found = json.loads(gymlocker("backups", "list", "--json").output)
        names = ["ada", "(default)", "(forwarded:eve)"]
        assert {each["owner"] for each in found} == set(names)
        assert found[:2] == [
            {
                "id": ids[number],
                "userId": str(ada),
                "owner": "ada",
                "size": 1234,
                "sha256": "0102",
                "createTime": f"2026-02-07T0{number + 1}:00:00Z",
            }
            for number in (1, 0)
        ]
        assert json.loads(gymlocker("backups", "list", "ADA", "--json").output) == found[:2]
        table = gymlocker("backups", "list", str(owners[1])).output.splitlines()
        assert len(table) == 3
        assert table[1].split() == ["(default)", ids[3], "2026-02-07", "02:00", "1,234"]


class TestGet:
    def test_writes_decrypted_private_file(
        self, gymlocker: Gymlocker, ada: UUID, query: Query, folder: Path, tmp_path: Path
    ) -> None:
        backup = stored(query, folder, ada, 1)
        ended = gymlocker("backups", "get", str(backup), "ada.gz")
        assert (ended.code, ended.errors) == (0, "")
        assert ended.output == f"Wrote {len(CONTENT):,} bytes of ada to ada.gz.\n"
        file = tmp_path / "ada.gz"
        assert file.read_bytes() == CONTENT
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert gymlocker("backups", "get", str(backup), "ada.gz").code == 1

    @pytest.mark.parametrize("name", ["/proc/ada.gz", "a" * 300], ids=["folder", "name"])
    def test_names_file_that_cannot_be_written(
        self, gymlocker: Gymlocker, ada: UUID, query: Query, folder: Path, name: str
    ) -> None:
        backup = stored(query, folder, ada, 1)
        ended = gymlocker("backups", "get", str(backup), name)
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith(f"{name} cannot be written (")
        assert ended.errors.count("\n") == 1

    @pytest.mark.extended
    def test_writes_to_standard_output(
        self, ada: UUID, query: Query, folder: Path, tmp_path: Path
    ) -> None:
        backup = stored(query, folder, ada, 1)
        command = [sys.executable, "-P", "-m", "server", "backups", "get", str(backup), "-"]
        ended = subprocess.run(command, capture_output=True, cwd=tmp_path)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert ended.stdout == CONTENT

    @pytest.mark.parametrize("damage", ["missing", "cut", "other key"])
    def test_damaged_one_leaves_no_file(
        self,
        gymlocker: Gymlocker,
        ada: UUID,
        query: Query,
        folder: Path,
        tmp_path: Path,
        damage: str,
    ) -> None:
        backup = stored(query, folder, ada, 1)
        [file] = (folder / "backups" / "objects").iterdir()
        if damage == "missing":
            file.unlink()
        elif damage == "cut":
            file.write_bytes(file.read_bytes()[:-1000])
        else:
            (folder / "backup-age-identity").unlink()
            create_age_identity(folder / "backup-age-identity")
        ended = gymlocker("backups", "get", str(backup), "ada.gz")
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith(f"The backup {backup} cannot be read: check BACKUP_STORE")
        assert ended.errors.count("\n") == 1
        assert [path.name for path in tmp_path.iterdir() if "ada" in path.name] == []

    def test_names_settings_that_are_missing(
        self, gymlocker: Gymlocker, ada: UUID, query: Query, tmp_path: Path
    ) -> None:
        backup = add_backup(query, ada, add_object(query, ada, b"1"), 1)
        ended = gymlocker("backups", "get", str(backup), "ada.gz")
        assert ended.code == 1
        assert ended.errors.startswith("The store of backups is not known: set BACKUP_STORE")
        assert not (tmp_path / ".gymlocker").exists()

    def test_uses_settings_of_server(
        self,
        gymlocker: Gymlocker,
        ada: UUID,
        query: Query,
        folder: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        backup = stored(query, folder, ada, 1)
        folder.rename(tmp_path / "elsewhere")
        identity = tmp_path / "elsewhere" / "backup-age-identity"
        monkeypatch.setenv("BACKUP_STORE", f"file:{tmp_path}/elsewhere/backups")
        monkeypatch.setenv("BACKUP_AGE_IDENTITY_FILE", str(identity))
        assert gymlocker("backups", "get", str(backup), "ada.gz").code == 0
        assert (tmp_path / "ada.gz").read_bytes() == CONTENT


class TestDelete:
    def test_releases_object(self, gymlocker: Gymlocker, ada: UUID, query: Query) -> None:
        object_id = add_object(query, ada, b"1")
        first, second = (add_backup(query, ada, object_id, hour) for hour in (1, 2))
        ended = gymlocker("backups", "delete", str(first))
        assert (ended.code, ended.output) == (1, "")
        assert "pass --yes" in ended.errors
        ended = gymlocker("backups", "delete", str(first), "--yes")
        assert ended.output == "Deleted: the backup of ada from 2026-02-07 01:00 UTC.\n"
        assert query("SELECT id FROM backups") == [(second,)]
        assert query("SELECT unused FROM backup_objects") == [(None,)]
        assert gymlocker("backups", "delete", str(second), "--yes", "--json").code == 0
        assert query("SELECT id FROM backup_objects WHERE unused <= now()") == [(object_id,)]

    @pytest.mark.parametrize("command", [("get", "x.gz"), ("delete", "--yes")])
    def test_unknown_one_is_named(
        self, gymlocker: Gymlocker, database_url: str, command: tuple[str, str]
    ) -> None:
        backup = str(uuid4())
        ended = gymlocker("backups", command[0], backup, command[1])
        assert ended.code == 1
        assert ended.errors == (
            f"There is no backup '{backup}': `gymlocker backups list` shows the ids.\n"
        )
