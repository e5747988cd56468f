"""Rates as settings spell them."""

import pytest

from server.errors import StartError
from server.libraries.limits.rate import Rate
from server.libraries.settings import LimitSettings, load


@pytest.mark.parametrize(
    ("text", "rate"),
    [("60/600s", Rate(60, 600)), (" 1/0.5s ", Rate(1, 0.5)), ("0", Rate(0, 0))],
)
def test_a_rate_reads_as_it_is_spelt(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate
    assert Rate.parse(str(rate)) == rate
    assert bool(rate) is (text != "0")


@pytest.mark.parametrize("text", ["60", "60/600", "0/60s", "60/0s", "-1/60s", "a/bs", "60/1m"])
def test_what_is_no_rate_is_said_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("INBOX_PER_NETWORK", text)
    with pytest.raises(StartError, match="INBOX_PER_NETWORK: must be as 60/600s"):
        load(LimitSettings)


def test_the_defaults_are_the_contracts() -> None:
    settings = LimitSettings()
    assert str(settings.inbox_per_network) == "60/600s"
    assert str(settings.new_users_per_address) == "30/60s"
    assert str(settings.wrong_secrets_per_address) == "1000/1s"
    assert (settings.inbox_max_messages, settings.min_free_disk) == (1000, 5)
    assert settings.storage_per_network == 2**30
