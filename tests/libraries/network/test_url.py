"""URLs of servers."""

import pytest

from server.errors import StartError
from server.libraries.network.url import server_url


class TestServerUrl:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://gym.example/", "https://gym.example"),
            ("http://[::1]:1//", "http://[::1]:1"),
        ],
    )
    def test_removes_final_slashes(self, url: str, expected: str) -> None:
        assert server_url(url) == expected

    @pytest.mark.parametrize(
        "url",
        [
            *("", "localhost:8080", "ftp://host", "http://", "http://host:x", "http://host:0"),
            *("http://host:65536", "http://host/path", "http://host?q", "http://host#f"),
            *("http://user@host", "HTTP://host", "http://[::1"),
        ],
    )
    def test_rejects_incomplete_url(self, url: str) -> None:
        with pytest.raises(StartError, match="is not a server URL: give --url as http://host:port"):
            server_url(url)

    def test_escapes_control_characters_in_error(self) -> None:
        with pytest.raises(StartError) as raised:
            server_url("http://host\x1b[2J")
        assert "\x1b" not in str(raised.value)
