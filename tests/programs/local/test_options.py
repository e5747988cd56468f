"""The options of `gymlocker up`, and its free addresses."""

import os
import socket
import time

import pytest

from server.errors import StartError
from server.libraries.network.address import Address
from server.programs.local import options
from server.programs.local.options import UpOptions, default_workers, free_address


@pytest.fixture
def no_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "TIMEOUT", 0.0)


class TestDefaultWorkers:
    def test_returns_one_per_core_up_to_four(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for cores, workers in ((1, 1), (3, 3), (64, 4)):
            usable = set(range(cores))
            monkeypatch.setattr(os, "sched_getaffinity", lambda _, u=usable: u, raising=False)
            assert default_workers() == workers
            assert UpOptions().workers == workers


class TestFreeAddress:
    @pytest.mark.usefixtures("no_timeout")
    def test_names_taken_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(StartError, match=f"Port {port} on 127.0.0.1 is taken.*--port"):
                free_address("127.0.0.1", port)

    def test_waits_for_port_to_become_free(self, monkeypatch: pytest.MonkeyPatch) -> None:
        taken = socket.create_server(("127.0.0.1", 0))
        monkeypatch.setattr(time, "sleep", lambda _: taken.close())
        port = taken.getsockname()[1]
        assert free_address("127.0.0.1", port) == Address("127.0.0.1", port)

    @pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
    def test_rejects_address_of_another_machine(self, host: str) -> None:
        with pytest.raises(StartError, match="choose another --host"):
            free_address(host, 0)

    def test_resolves_name_for_envoy(self) -> None:
        assert free_address("localhost", 0).host in ("127.0.0.1", "::1")
