"""Which hosts a database's URL names: both of asyncpg's forms."""

import pytest

from server.libraries.database.url import hosts_of, require_usable, target_of


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
def test_hosts(monkeypatch: pytest.MonkeyPatch, url: str, hosts: list[tuple[str, int]]) -> None:
    monkeypatch.delenv("PGPORT", raising=False)
    require_usable(url)
    assert hosts_of(url) == hosts


def test_a_port_that_is_not_given_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPORT", "7")
    assert hosts_of("postgresql://h1,h2:2/name") == [("h1", 7), ("h2", 2)]


def test_what_is_asked_of_a_host() -> None:
    assert target_of("postgresql://h1,h2/name") is None
    assert target_of("postgresql:///n?host=h1,h2&target_session_attrs=primary") == "primary"


@pytest.mark.parametrize(
    ("url", "why"),
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
def test_what_cannot_be_used_is_not_quoted(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        require_usable(url)
    assert "can" not in str(caught.value)
