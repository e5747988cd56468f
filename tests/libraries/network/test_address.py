"""Addresses on the command line: what is one, and what is said of what is none."""

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
def test_an_address_is_read(text: str, address: tuple[str, int]) -> None:
    assert host_and_port(text) == address


NO_ADDRESSES = [
    *("", "here", "here:", ":9464", "9464 ", "::1:9464", "[::1]", "[here]:1", "[::1:1"),
    *("here:65536", "here:-1", "here:1.0", "here:٣", "a b:1", "a/b:1", "here:1\n", "unix:/a:1"),
]


@pytest.mark.parametrize("text", [*NO_ADDRESSES, "9464"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert host_and_port(text) is None


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_the_option_is_named(text: str) -> None:
    with pytest.raises(StartError) as caught:
        option_address("--listen", text, "0.0.0.0:8080")
    assert str(caught.value) == f"--listen {text} is not host:port; for example: 0.0.0.0:8080"


def test_metrics_may_be_a_port_of_this_machine() -> None:
    assert metrics_address("9464") == ("127.0.0.1", 9464)
    assert metrics_address("0.0.0.0:9464") == ("0.0.0.0", 9464)
    for text in NO_ADDRESSES:
        with pytest.raises(StartError, match=r"^--metrics .*is not host:port; for example: 127"):
            metrics_address(text.replace("\n", " "))


def test_any_address_is_shown_as_one_that_can_be_called() -> None:
    assert Address("0.0.0.0", 8080).name == "127.0.0.1:8080"
    assert Address("::", 8080).name == "[::1]:8080"
    assert Address("10.0.0.7", 80).name == "10.0.0.7:80"


@pytest.mark.parametrize(
    ("address", "path"),
    [("unix:/run/a.sock", "/run/a.sock"), ("unix:a.sock", "a.sock"), ("unix", None), ("a:1", None)],
)
def test_a_socket_has_a_path(address: str, path: str | None) -> None:
    assert unix_path(address) == path


def test_a_socket_is_in_use_while_somebody_listens(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    address = f"unix:{path}"
    assert not in_use(address)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert not in_use(address)
        listener.listen()
        assert in_use(address)
    assert not in_use(address)


def test_a_port_is_in_use_while_somebody_listens() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            assert in_use(f"{host}:{port}")
    assert not in_use(f"localhost:{port}")


def test_a_name_is_in_use_if_one_of_its_addresses_is() -> None:
    with socket.create_server(("::1", free_port()), family=socket.AF_INET6) as listener:
        assert in_use(f"localhost:{listener.getsockname()[1]}")


@pytest.mark.parametrize("address", ["nowhere.invalid:80", "192.0.2.1:80", "no address"])
def test_what_is_no_place_of_this_machine_is_not_in_use(address: str) -> None:
    assert not in_use(address)
