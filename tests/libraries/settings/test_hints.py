"""Settings of hints between workers."""

import pytest

from server.errors import StartError
from server.libraries.settings import HintSettings, load


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An environment without NATS_URL."""
    monkeypatch.delenv("NATS_URL", raising=False)
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("nats://host", ["nats://host"]),
        ("nats://user:p%40ss@host:4222", ["nats://user:p%40ss@host:4222"]),
        ("tls://token@h1, tls://[::1]:4222,", ["tls://token@h1", "tls://[::1]:4222"]),
    ],
    ids=["host", "password", "several"],
)
def test_accepts_servers(text: str, urls: list[str]) -> None:
    settings = load(HintSettings, nats_url=text)
    assert settings.nats_urls == urls
    assert "p%40ss" not in repr(settings)


def test_has_no_servers_by_default() -> None:
    assert load(HintSettings).nats_urls == []


@pytest.mark.parametrize(
    "text",
    [
        "canary",
        "host:4222",
        "http://canary@host",
        "ws://canary@host",
        "nats://",
        "nats://canary@:4222",
        "nats://host:canary",
        "nats://canary:99999",
        "nats://user:a@canary@host",
        "nats://user:a/canary@host",
        "nats://user:a,canary@host",
        "nats://host, canary",
        "nats://host?canary",
        ",",
    ],
)
def test_rejects_other_texts_without_quoting_them(text: str) -> None:
    with pytest.raises(StartError, match=r"NATS_URL: must be nats://host:port") as error:
        load(HintSettings, nats_url=text)
    assert "canary" not in str(error.value)
