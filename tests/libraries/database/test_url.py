"""The hosts of a database's URL, in both of asyncpg's forms, and its validation."""

import pytest

from server.libraries.database.url import hosts_of, require_usable, target_of


class TestHostsOf:
    @pytest.mark.parametrize(
        ("url", "hosts"),
        [
            ("postgresql://u:p@host/name", [("host", 5432)]),
            ("postgresql://u:p@h1:1,h2:2/name", [("h1", 1), ("h2", 2)]),
            ("postgresql://u:p@h1,h2:2/name", [("h1", 5432), ("h2", 2)]),
            ("postgresql://h1,[::1]:2/name?port=9", [("h1", 5432), ("::1", 2)]),
            ("postgresql://u@%2Frun%2Fpg:7,h2/name", [("/run/pg", 7), ("h2", 5432)]),
            ("postgresql://u@/name?host=h1,h2&port=1,2", [("h1", 1), ("h2", 2)]),
            ("postgresql:///name?host=/run/pg,h2&port=1", [("/run/pg", 1), ("h2", 1)]),
            ("postgresql:///name?host=h1,h2", [("h1", 5432), ("h2", 5432)]),
            ("postgresql:///name", []),
        ],
    )
    def test_returns_hosts_with_ports(
        self, monkeypatch: pytest.MonkeyPatch, url: str, hosts: list[tuple[str, int]]
    ) -> None:
        monkeypatch.delenv("PGPORT", raising=False)
        require_usable(url)
        assert hosts_of(url) == hosts

    def test_takes_missing_port_from_environment(
        self,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("PGPORT", "7")
        assert hosts_of("postgresql://h1,h2:2/name") == [("h1", 7), ("h2", 2)]


class TestTargetOf:
    def test_returns_target_session_attrs(self) -> None:
        assert target_of("postgresql://h1,h2/name") is None
        assert target_of("postgresql:///n?host=h1,h2&target_session_attrs=primary") == "primary"


class TestRequireUsable:
    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("postgresql://u:can/ary@h1:1,h2:2/name", "is not a URL"),
            ("postgresql://u:can#ary@h1:1,h2:2/name", "is not a URL"),
            ("postgresql://u:can@ary@h1:1,h2:2/name", "is not a URL"),
            ("postgresql://u:p@h1:can,h2:2/name", "is not a URL"),
            ("postgresql://u:p@h1:1,,h2:2/name", "is not a URL"),
            ("postgresql://u:p@h1:1,h2:99999/name", "is not a URL"),
            ("postgresql://u:p@/name?host=h1,h2&port=1,2,3", "one for each host"),
            ("postgresql://u:p@h1/name?canary", "is not a URL"),
            ("postgresql://u:p@h1,h2/name?target_session_attrs=canary", "read-write"),
        ],
    )
    def test_rejects_invalid_url_without_quoting_it(self, url: str, reason: str) -> None:
        with pytest.raises(ValueError, match=reason) as caught:
            require_usable(url)
        assert "can" not in str(caught.value)
