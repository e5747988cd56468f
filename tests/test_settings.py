"""The environment: what is wrong is named, what is secret is not."""

import pytest

from server.errors import StartError
from server.settings import Settings, load

GOOD = "postgresql://user:password@host/name"


def test_what_is_not_set_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", GOOD)
    monkeypatch.setenv("DATABASE_POOL_SIZE", "")
    settings = load(Settings)
    assert (settings.database_url, settings.database_pool_size) == (GOOD, 10)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_the_usual_spellings_of_postgresql_will_do(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://user:password@host/name")
    assert load(Settings).database_url == GOOD


@pytest.mark.parametrize(
    "url",
    [
        "canary",
        "mysql://user:canary@host/name",
        "postgresql://user:can/ary@host/name",
        "postgresql://user:can#ary@host/name",
        "postgresql://user:can[ary@host/name",
    ],
)
def test_a_wrong_url_is_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(StartError) as caught:
        load(Settings)
    assert "DATABASE_URL" in str(caught.value)
    assert "can" not in str(caught.value).replace("cannot", "")


def test_every_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CLEANUP_INTERVAL_MINUTES", "0")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(StartError) as caught:
        load(Settings)
    for name in ("DATABASE_URL", "CLEANUP_INTERVAL_MINUTES", "LOG_LEVEL"):
        assert name in str(caught.value)
