"""Shutdown of `gymlocker gateway` by signals, with calls in flight."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import httpx2
import pytest
from gymlocker.v2 import user_pb2

from tests.support.ports import free_port

from .processes import Worker, eventually, unary

pytestmark = pytest.mark.extended


@dataclass(frozen=True)
class Gateway:
    """A running `gymlocker gateway` with one worker."""

    process: subprocess.Popen[str]
    worker: Worker
    target: str

    def get(self, path: str) -> httpx2.Response | None:
        """Send a request on a new connection; return None if it is refused."""
        try:
            return httpx2.get(f"http://{self.target}{path}", timeout=10, verify=False)
        except httpx2.TransportError:
            return None

    def answers(self, status: int) -> bool:
        response = self.get("/health")
        return response is not None and response.status_code == status


@contextmanager
def gateway(drain_seconds: str) -> Iterator[Gateway]:
    address = f"127.0.0.1:{free_port()}"
    worker = Worker(f"127.0.0.1:{free_port()}")
    worker.start()
    command = (sys.executable, "-P", "-m", "server", "gateway", f"--listen={address}")
    process = subprocess.Popen(
        [*command, f"--worker={worker.address}"],
        stdout=subprocess.DEVNULL,
        text=True,
        env={"DRAIN_SECONDS": drain_seconds},
    )
    try:
        running = Gateway(process, worker, address)
        eventually(lambda: running.answers(200), "it serves")
        yield running
    finally:
        process.kill()
        process.wait()
        worker.stop()


@contextmanager
def call_in_flight(running: Gateway, command: str) -> "Iterator[grpc.Future[bytes]]":
    request = user_pb2.GetUserRequest(id_or_lookup=command).SerializeToString()
    with grpc.insecure_channel(running.target) as channel:
        call = unary(channel, "/gymlocker.v2.UserService/GetUser").future(request, timeout=60)
        eventually(lambda: running.worker.ask(f"count:{command}") == "1", "a call in flight")
        yield call


def test_fails_health_checks_and_still_serves_while_draining() -> None:
    with gateway("60") as running:
        running.process.send_signal(signal.SIGTERM)
        eventually(lambda: running.answers(503), "health checks fail")
        unwell = running.get("/health")
        assert unwell is not None and unwell.json()["code"] == 14
        response = running.get("/user/abc")
        assert response is not None and response.json()["id"] == "abc"
        assert response.headers["connection"] == "close"
        assert not [name for name in response.headers if name.startswith("x-envoy")]
        # A second signal ends the draining.
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(15) == 0


def test_finishes_call_in_flight() -> None:
    with gateway("0") as running, call_in_flight(running, "wait:") as call:
        running.process.send_signal(signal.SIGTERM)
        eventually(lambda: running.get("/user/abc") is None, "new connections are refused")
        assert not call.done()
        running.worker.ask("go:")
        assert user_pb2.GetUserResponse.FromString(call.result(10)).lookup == "gone"
        assert running.process.wait(15) == 0


def test_sigint_stops_at_once() -> None:
    with gateway("60") as running, call_in_flight(running, "hang:") as call:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(15) == 0
        with pytest.raises(grpc.RpcError):
            call.result(10)
        assert running.get("/user/abc") is None


def test_exits_with_status_of_envoy() -> None:
    """Envoy fails on a taken port."""
    with gateway("0") as running:
        command = (sys.executable, "-P", "-m", "server", "gateway", f"--listen={running.target}")
        second = subprocess.run(
            [*command, f"--worker={running.worker.address}"], capture_output=True, timeout=30
        )
    assert second.returncode == 1
    assert b"Address already in use" in second.stderr
