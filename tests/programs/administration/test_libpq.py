"""The URL of a database as variables of libpq's environment."""

import pytest

from server.programs.administration.libpq import libpq_environment

ALWAYS = {"LC_ALL": "C", "PGCLIENTENCODING": "UTF8"}


class TestLibpqEnvironment:
    @pytest.mark.parametrize(
        ("url", "found"),
        [
            (
                "postgresql://ada:p%40ss%2F%20w@db.example:6432/gym%20locker?sslmode=require",
                {
                    "PGUSER": "ada",
                    "PGPASSWORD": "p@ss/ w",
                    "PGHOST": "db.example",
                    "PGPORT": "6432",
                    "PGDATABASE": "gym locker",
                    "PGSSLMODE": "require",
                },
            ),
            (
                "postgresql://gymlocker@/gymlocker?host=/run/a%20b&port=5433",
                {
                    "PGUSER": "gymlocker",
                    "PGHOST": "/run/a b",
                    "PGPORT": "5433",
                    "PGDATABASE": "gymlocker",
                },
            ),
            (
                "postgresql://ada@h1,h2:5433/x",
                {
                    "PGUSER": "ada",
                    "PGHOST": "h1,h2",
                    "PGPORT": "5432,5433",
                    "PGDATABASE": "x",
                    "PGTARGETSESSIONATTRS": "read-write",
                },
            ),
            (
                "postgresql://ada@[::1]/x?target_session_attrs=primary",
                {
                    "PGUSER": "ada",
                    "PGHOST": "::1",
                    "PGPORT": "5432",
                    "PGDATABASE": "x",
                    "PGTARGETSESSIONATTRS": "primary",
                },
            ),
            (
                "postgresql:///x?search_path=a%20b&statement_timeout=5s&password=s",
                {
                    "PGDATABASE": "x",
                    "PGPASSWORD": "s",
                    "PGOPTIONS": "-c search_path=a\\ b -c statement_timeout=5s",
                },
            ),
        ],
        ids=["password", "socket", "hosts", "IPv6", "settings"],
    )
    def test_has_what_url_says(self, url: str, found: dict[str, str]) -> None:
        assert libpq_environment(url, {}) == ALWAYS | found

    def test_inherits_what_the_server_reads_too(self) -> None:
        inherited = {
            "PATH": "/bin",
            "PGPASSWORD": "inherited",
            "PGSSLROOTCERT": "/ca.pem",
            "PGOPTIONS": "-c search_path=elsewhere",
            "PGSERVICE": "elsewhere",
            "PGUSER": "somebody",
        }
        found = libpq_environment("postgresql://ada@h/x", inherited)
        assert found["PGPASSWORD"] == "inherited"
        assert found["PGSSLROOTCERT"] == "/ca.pem"
        assert found["PGUSER"] == "ada"
        assert {"PGOPTIONS", "PGSERVICE"}.isdisjoint(found)
