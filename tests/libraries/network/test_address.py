"""Addresses in command-line options: parsing, errors and the check for listeners."""

import socket
from pathlib import Path

import pytest

from server.errors import StartError
from server.libraries.network.address import (
    Address,
    host_and_port,
    in_use,
    metrics_address,
    option_address,
    unix_path,
)
from tests.support.ports import free_port


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),
        ("[::1]:0", ("::1", 0)),
        ("[::ffff:10.0.0.7]:65535", ("::ffff:10.0.0.7", 65535)),
        ("worker_1.internal:9090", ("worker_1.internal", 9090)),
    ],
)
def test_parses_an_address(text: str, address: tuple[str, int]) -> None:
    assert host_and_port(text) == address


INVALID = [
    *("", "here", "here:", ":9464", "9464 ", "::1:9464", "[::1]", "[here]:1", "[::1:1"),
    *("here:65536", "here:-1", "here:1.0", "here:٣", "a b:1", "a/b:1", "here:1\n", "unix:/a:1"),
]


@pytest.mark.parametrize("text", [*INVALID, "9464"])
def test_returns_none_for_an_invalid_address(text: str) -> None:
    assert host_and_port(text) is None


@pytest.mark.parametrize("text", INVALID)
def test_error_names_the_option(text: str) -> None:
    with pytest.raises(StartError) as caught:
        option_address("--listen", text, "0.0.0.0:8080")
    assert str(caught.value) == f"--listen {text} is not host:port; for example: 0.0.0.0:8080"


def test_metrics_address_may_be_a_port() -> None:
    assert metrics_address("9464") == ("127.0.0.1", 9464)
    assert metrics_address("0.0.0.0:9464") == ("0.0.0.0", 9464)
    for text in INVALID:
        with pytest.raises(StartError, match=r"^--metrics .*is not host:port; for example: 127"):
            metrics_address(text.replace("\n", " "))


def test_shows_a_wildcard_as_loopback() -> None:
    assert Address("0.0.0.0", 8080).name == "127.0.0.1:8080"
    assert Address("::", 8080).name == "[::1]:8080"
    assert Address("10.0.0.7", 80).name == "10.0.0.7:80"


@pytest.mark.parametrize(
    ("address", "path"),
    [("unix:/run/a.sock", "/run/a.sock"), ("unix:a.sock", "a.sock"), ("unix", None), ("a:1", None)],
)
def test_returns_the_path_of_a_unix_socket(address: str, path: str | None) -> None:
    assert unix_path(address) == path


def test_socket_is_in_use_while_it_has_a_listener(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    address = f"unix:{path}"
    assert not in_use(address)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert not in_use(address)
        listener.listen()
        assert in_use(address)
    assert not in_use(address)


def test_port_is_in_use_while_it_has_a_listener() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            assert in_use(f"{host}:{port}")
    assert not in_use(f"localhost:{port}")


def test_name_is_in_use_if_one_of_its_addresses_is() -> None:
    with socket.create_server(("::1", free_port()), family=socket.AF_INET6) as listener:
        assert in_use(f"localhost:{listener.getsockname()[1]}")


@pytest.mark.parametrize("address", ["nowhere.invalid:80", "192.0.2.1:80", "no address"])
def test_foreign_address_is_not_in_use(address: str) -> None:
    assert not in_use(address)
