"""`gymlocker db restore`: databases that it does not replace."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from server.libraries.database.migrations import ADVISORY_LOCK
from server.programs.local.postgres import programs
from tests.programs.administration.conftest import Gymlocker, Query
from tests.programs.administration.test_restore import dump, empty, refused
from tests.support.process import killed_on_error

pytestmark = pytest.mark.extended

__all__ = ["dump", "empty"]


@contextmanager
def connected(url: str, name: str, sql: str = "SELECT 1") -> Iterator[None]:
    """Keep a connection open during a command."""
    place = urlsplit(url)
    with killed_on_error(
        subprocess.Popen(
            [programs() / "psql", "--no-psqlrc", "--quiet", "--tuples-only"],
            env={
                "PGHOST": parse_qs(place.query)["host"][0],
                "PGUSER": place.username or "",
                "PGDATABASE": place.path[1:],
                "PGAPPNAME": name,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    ) as psql:
        assert psql.stdin is not None
        assert psql.stdout is not None
        psql.stdin.write(f"{sql};\n\\echo ready\n".encode())
        psql.stdin.flush()
        while psql.stdout.readline() != b"ready\n":
            pass
        yield
        psql.stdin.close()


class TestDatabase:
    def test_in_use_by_workers_is_refused(
        self, gymlocker: Gymlocker, dump: str, database_url: str
    ) -> None:
        with connected(database_url, "gymlocker"):
            sentence = refused(gymlocker, database_url, dump, "--replace", "--yes")
        assert sentence == (
            "Workers are connected to the database (1 connection): stop them first.\n"
        )
        with connected(database_url, "psql"):
            assert gymlocker("db", "restore", dump, "--replace", "--yes").code == 0

    def test_of_other_application_is_refused(
        self, gymlocker: Gymlocker, dump: str, empty: Query, empty_url: str
    ) -> None:
        empty("CREATE TABLE songs (id int)")
        sentence = refused(gymlocker, empty_url, dump, "--replace", "--yes")
        assert sentence.startswith("The database also belongs to another application (table songs)")

    def test_that_is_being_migrated_is_refused(
        self, gymlocker: Gymlocker, dump: str, database_url: str
    ) -> None:
        with connected(database_url, "psql", f"SELECT pg_advisory_lock({ADVISORY_LOCK})"):
            sentence = refused(gymlocker, database_url, dump, "--replace", "--yes")
        assert sentence == (
            "x.dump cannot be restored (another process is migrating this database). Nothing was "
            "changed.\n"
        )
