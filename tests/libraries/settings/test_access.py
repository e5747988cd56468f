"""Settings of keys, registration and forward authentication."""

from ipaddress import ip_network

import pytest

from server.errors import StartError
from server.libraries.settings import AccessSettings, load

HEADER, PROXIES = "FORWARD_AUTH_USER_HEADER", "FORWARD_AUTH_TRUSTED_PROXIES"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("API_KEY", "REGISTRATION", "REGISTRATION_KEY", HEADER, PROXIES):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


class TestRegistration:
    def test_is_open_without_a_setting(self, environment: pytest.MonkeyPatch) -> None:
        assert load(AccessSettings).registration == "open"

    @pytest.mark.parametrize(
        ("settings", "key"),
        [
            ({}, None),
            ({"API_KEY": "shared"}, "shared"),
            ({"API_KEY": "shared", "REGISTRATION_KEY": "own"}, "own"),
        ],
    )
    def test_key_is_the_shared_one_unless_set(
        self, environment: pytest.MonkeyPatch, settings: dict[str, str], key: str | None
    ) -> None:
        for name, value in settings.items():
            environment.setenv(name, value)
        found = load(AccessSettings).required_registration_key
        assert (found and found.get_secret_value()) == key

    def test_rejects_unknown_mode(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("REGISTRATION", "invite")
        with pytest.raises(StartError, match="REGISTRATION"):
            load(AccessSettings)


class TestForwardAuth:
    def test_is_off_without_settings(self, environment: pytest.MonkeyPatch) -> None:
        settings = load(AccessSettings)
        assert (settings.forward_auth_user_header, settings.trusted_proxies) == (None, ())

    def test_takes_addresses_and_networks(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv(HEADER, "Remote-User")
        environment.setenv(PROXIES, "127.0.0.1, 10.0.0.0/8,::1 ")
        expected = tuple(map(ip_network, ("127.0.0.1/32", "10.0.0.0/8", "::1/128")))
        assert load(AccessSettings).trusted_proxies == expected

    @pytest.mark.parametrize(
        "settings",
        [{HEADER: "Remote-User"}, {HEADER: "Remote-User", PROXIES: " , "}, {PROXIES: "127.0.0.1"}],
    )
    def test_needs_both_or_neither(
        self, environment: pytest.MonkeyPatch, settings: dict[str, str]
    ) -> None:
        for name, value in settings.items():
            environment.setenv(name, value)
        with pytest.raises(StartError, match=f"{PROXIES}: .*{HEADER}"):
            load(AccessSettings)

    @pytest.mark.parametrize(
        "header",
        [
            "Remote_User",
            "Remote-User:",
            "-user",
            "user name",
            "Ünser",
            "Authorization",
            "X-API-Key",
            "x-direct-peer",
            "X-Client-Address",
            "X-Forwarded-For",
            "x-envoy-user",
            "grpc-user",
            "user-bin",
            "Content-Type",
            "Cookie",
            "te",
        ],
    )
    def test_rejects_headers_that_cannot_carry_a_name(
        self, environment: pytest.MonkeyPatch, header: str
    ) -> None:
        environment.setenv(HEADER, header)
        environment.setenv(PROXIES, "127.0.0.1")
        with pytest.raises(StartError, match=HEADER):
            load(AccessSettings)

    @pytest.mark.parametrize(
        "header",
        ["Remote-User", "X-Forwarded-User", "X-authentik-username", "Tailscale-User-Login"],
    )
    def test_accepts_headers_of_common_proxies(
        self, environment: pytest.MonkeyPatch, header: str
    ) -> None:
        environment.setenv(HEADER, header)
        environment.setenv(PROXIES, "127.0.0.1")
        assert load(AccessSettings).forward_auth_user_header == header

    @pytest.mark.parametrize("proxies", ["localhost", "10.0.0.1/8", "*", "127.0.0.1;10.0.0.1"])
    def test_rejects_anything_but_addresses(
        self, environment: pytest.MonkeyPatch, proxies: str
    ) -> None:
        environment.setenv(HEADER, "Remote-User")
        environment.setenv(PROXIES, proxies)
        with pytest.raises(StartError, match=PROXIES):
            load(AccessSettings)
