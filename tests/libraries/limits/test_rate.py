"""Rates as settings spell them."""

import pytest

from server.errors import StartError
from server.libraries.limits.rate import Rate
from server.libraries.settings import LimitSettings, load


class TestRate:
    @pytest.mark.parametrize(
        ("text", "rate"),
        [("60/600s", Rate(60, 600)), (" 1/0.5s ", Rate(1, 0.5)), ("0", Rate(0, 0))],
    )
    def test_parses_its_own_spelling(self, text: str, rate: Rate) -> None:
        assert Rate.parse(text) == rate
        assert Rate.parse(str(rate)) == rate
        assert bool(rate) is (text != "0")


class TestSettings:
    @pytest.mark.parametrize("text", ["60", "60/600", "0/60s", "60/0s", "-1/60s", "a/bs", "60/1m"])
    def test_reject_invalid_rate_at_start(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setenv("INBOX_PER_NETWORK", text)
        with pytest.raises(StartError, match="INBOX_PER_NETWORK: must be as 60/600s"):
            load(LimitSettings)

    def test_default_to_the_documented_rates(self) -> None:
        settings = LimitSettings()
        assert str(settings.inbox_per_network) == "60/600s"
        assert str(settings.new_users_per_address) == "30/60s"
        assert str(settings.wrong_secrets_per_address) == "1000/1s"
        assert (settings.inbox_max_messages, settings.min_free_disk) == (1000, 5)
        assert settings.storage_per_network == 2**30
