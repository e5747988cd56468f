"""`gymlocker db backup`."""

import json
import os
import stat
from pathlib import Path

import pytest

from server.errors import StartError
from server.programs.administration import postgres_programs
from server.programs.administration.dump import exactly, left_out
from tests.programs.administration.conftest import Gymlocker, Query

STUB = """#!/bin/sh
if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) {version}"; exit; fi
printf '%s\\n' "$@" "$PGPASSWORD" > {folder}/seen
for each; do case $each in --file=*) echo partial > "${{each#--file=}}";; esac; done
{then}
"""
MAGIC = b"PGDMP"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs that stands first on PATH; none came with Gymlocker."""

    def missing() -> Path:
        raise StartError("missing")

    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setattr(postgres_programs, "embedded_programs", missing)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def install(folder: Path, version: str, then: str = "exit 0") -> None:
    program = folder / "pg_dump"
    program.write_text(STUB.format(version=version, folder=folder, then=then))
    program.chmod(0o755)


class TestBackup:
    def test_writes_private_file(
        self, gymlocker: Gymlocker, database_url: str, tmp_path: Path
    ) -> None:
        ended = gymlocker("db", "backup", "x.dump")
        file = tmp_path / "x.dump"
        assert (ended.code, ended.errors) == (0, "")
        assert file.read_bytes().startswith(MAGIC)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        first, advice, *others = ended.output.splitlines()
        assert first == f"Wrote {file.stat().st_size:,} bytes to x.dump."
        assert advice == "Not in it; keep copies of them:"
        assert [line.strip() for line in others] == left_out({})

    def test_prints_json(self, gymlocker: Gymlocker, database_url: str, tmp_path: Path) -> None:
        ended = gymlocker("db", "backup", "x.dump", "--json")
        document = json.loads(ended.output)
        assert document["file"] == str(tmp_path / "x.dump")
        assert document["size"] == (tmp_path / "x.dump").stat().st_size
        assert document["leftOut"] == left_out({})

    def test_overwrites_only_by_force(
        self, gymlocker: Gymlocker, database_url: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "x.dump"
        file.write_text("mine")
        ended = gymlocker("db", "backup", "x.dump")
        assert (ended.code, file.read_text()) == (1, "mine")
        assert "overwrite it with --force" in ended.errors
        assert gymlocker("db", "backup", "x.dump", "--force").code == 0
        assert file.read_bytes().startswith(MAGIC)

    def test_rejects_database_without_our_tables(
        self,
        gymlocker: Gymlocker,
        empty_url: str,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", empty_url)
        ended = gymlocker("db", "backup", "x.dump")
        assert ended.code == 1
        assert ended.errors.startswith("The database has no tables of Gymlocker: ")
        assert not (tmp_path / "x.dump").exists()

    def test_names_database_that_is_unreachable(
        self, gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://ada:canary@127.0.0.1:9/gymlocker")
        ended = gymlocker("db", "backup", "x.dump")
        assert ended.code == 1
        assert ended.errors.startswith("The database is unreachable at 127.0.0.1:9: ")
        assert "canary" not in ended.errors
        assert not (tmp_path / "x.dump").exists()


class TestPrograms:
    def test_failure_leaves_no_file(
        self, gymlocker: Gymlocker, database_url: str, programs: Path, tmp_path: Path
    ) -> None:
        install(programs, "99.1", "echo 'pg_dump: error: connection lost' >&2; exit 1")
        ended = gymlocker("db", "backup", "x.dump")
        assert ended.code == 1
        assert ended.errors == ("The database cannot be dumped: pg_dump: error: connection lost\n")
        assert [path.name for path in tmp_path.iterdir() if "x.dump" in path.name] == []

    def test_password_is_not_on_command_line(
        self,
        gymlocker: Gymlocker,
        database_url: str,
        programs: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        install(programs, "99.1")
        monkeypatch.setenv("DATABASE_URL", database_url.replace("gymlocker@", "gymlocker:canary@"))
        assert gymlocker("db", "backup", "x.dump").code == 0
        *arguments, password = (programs / "seen").read_text().splitlines()
        assert password == "canary"
        assert [each for each in arguments if "canary" in each] == []

    def test_older_than_server_is_refused(
        self, gymlocker: Gymlocker, database_url: str, programs: Path, query: Query
    ) -> None:
        server = int(query("SHOW server_version_num")[0][0]) // 10_000
        install(programs, f"{server - 1}.3")
        ended = gymlocker("db", "backup", "x.dump")
        assert ended.code == 1
        assert ended.errors == (
            f"pg_dump is of version {server - 1}, and the database of version {server}: install "
            f"PostgreSQL's client programs of version {server} or newer.\n"
        )
        assert not (programs / "seen").exists()

    def test_missing_ones_are_named(
        self,
        gymlocker: Gymlocker,
        database_url: str,
        programs: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("PATH", str(programs))
        ended = gymlocker("db", "backup", "x.dump")
        assert ended.code == 1
        assert ended.errors.startswith("pg_dump is missing: install PostgreSQL's client programs")

    async def test_that_of_servers_version_is_preferred(self, programs: Path) -> None:
        install(programs, "18.4")
        assert await postgres_programs.programs_for(18, "pg_dump") == programs
        assert await postgres_programs.programs_for(15, "pg_dump") == programs


class TestLeftOut:
    def test_names_second_database(self) -> None:
        assert left_out({"RATE_LIMIT_DATABASE_URL": "postgresql://x/y"})[-1].startswith(
            "the database of RATE_LIMIT_DATABASE_URL"
        )
        assert len(left_out(os.environ)) == 4

    @pytest.mark.parametrize(
        "name", ["jwt-secret-key", "backup-age-identity", "backups", "vapid-private-key.pem"]
    )
    def test_names_files_of_the_data_folder(self, name: str) -> None:
        assert any(f"or {name}" in each for each in left_out({}))


class TestExactly:
    def test_quotes(self) -> None:
        assert exactly('a"B*') == '"a""B*"'
