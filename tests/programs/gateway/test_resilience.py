"""Slow, dead and overloaded workers, and slow clients."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest
from gymlocker.v2 import user_pb2

from .assertions import assert_error
from .processes import FrontDoor, call, envoy_command, eventually, front_door, unary

pytestmark = pytest.mark.extended

SHORT = {
    "timeout: 30s": "timeout: 0.3s",
    "stream_idle_timeout: 40s": "stream_idle_timeout: 0.6s",
    "request_headers_timeout: 10s": "request_headers_timeout: 0.3s",
    "{max_stream_duration: 300s}": "{max_stream_duration: 0.9s}",
}


@pytest.fixture(scope="module")
def impatient() -> Iterator[FrontDoor]:
    """A front door with short timeouts."""
    with front_door(changes=SHORT) as running:
        yield running


@pytest.fixture(scope="module")
def shared_pair() -> Iterator[FrontDoor]:
    """A front door with two workers, one of which a test may have killed."""
    with front_door(workers=2) as running:
        yield running


@pytest.fixture
def pair(shared_pair: FrontDoor) -> FrontDoor:
    """A front door with two healthy workers."""
    dead = [worker for worker in shared_pair.workers if worker.process.poll() is not None]
    alive = 2 - len(dead)
    # First wait for the failed health checks; otherwise a starting worker still counts as healthy.
    eventually(lambda: shared_pair.healthy_workers() == alive, "the dead workers are noticed")
    for worker in dead:
        worker.start()
    eventually(lambda: shared_pair.healthy_workers() == 2, "both workers are healthy")
    return shared_pair


def send_command(door: FrontDoor, command: str) -> str:
    """Send a command to a worker through Envoy, and return the answer."""
    return str(door.client.get(f"/user/{command}", timeout=20).json()["lookup"])


def code_of(door: FrontDoor, method: str, command: str) -> grpc.StatusCode:
    """Call a method that fails, and return its gRPC status."""
    requests = {
        "GetUser": user_pb2.GetUserRequest(id_or_lookup=command),
        "UpdateUser": user_pb2.UpdateUserRequest(id=command),
    }
    with grpc.insecure_channel(door.target) as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel, method, requests[method])
    assert "{" not in str(caught.value.details())
    code: grpc.StatusCode = caught.value.code()
    return code


def test_retries_read_after_crash_of_worker(pair: FrontDoor) -> None:
    dying = pair.workers[0].process
    while dying.poll() is None:
        assert send_command(pair, f"crash-if:{dying.pid}") == "not me"


def test_does_not_retry_read_after_unavailable(door: FrontDoor) -> None:
    response = door.client.get("/user/fail:UNAVAILABLE:read")
    assert (response.status_code, response.json()["code"]) == (503, 14)
    assert send_command(door, "count:fail:UNAVAILABLE:read") == "1"


def test_does_not_retry_write_after_unavailable(door: FrontDoor) -> None:
    response = door.client.put("/user", json={"id": "fail:UNAVAILABLE:write"})
    assert response.status_code == 503
    assert send_command(door, "count:fail:UNAVAILABLE:write") == "1"


def test_does_not_retry_write_after_crash_of_worker(pair: FrontDoor) -> None:
    response = pair.client.put("/user", json={"id": "crash:"}, timeout=20)
    assert_error(response, 503, 14, "UNAVAILABLE")
    eventually(lambda: pair.healthy_workers() == 1, "the dead worker is noticed")
    assert send_command(pair, "count:crash:") == "0"


def test_ejects_dead_worker_and_finds_new_one(pair: FrontDoor) -> None:
    dead = pair.workers[0]
    dead.stop()
    for _ in range(20):
        assert pair.client.put("/user", json={"id": "a"}).status_code == 200
    eventually(lambda: pair.healthy_workers() == 1, "the dead worker is noticed")
    dead.start()
    eventually(lambda: pair.healthy_workers() == 2, "the new worker is found")
    eventually(
        lambda: send_command(pair, "pid:") == str(dead.process.pid), "the new worker serves calls"
    )


def test_draining_worker_gets_no_new_calls(pair: FrontDoor) -> None:
    leaving, staying = pair.workers
    leaving.ask("health:NOT_SERVING")
    alone = {str(staying.process.pid)}
    eventually(
        lambda: {send_command(pair, "pid:") for _ in range(20)} == alone,
        "the draining worker gets no calls",
    )
    leaving.ask("health:SERVING")
    eventually(lambda: pair.healthy_workers() == 2, "the worker is back")


def test_everything_is_unavailable_without_workers() -> None:
    with front_door(started=False) as door:
        for response in (
            door.client.get("/user/abc"),
            door.client.put("/user", json={}),
            door.client.get("/health"),
        ):
            assert_error(response, 503, 14, "UNAVAILABLE")
        assert code_of(door, "GetUser", "a") is grpc.StatusCode.UNAVAILABLE
        assert code_of(door, "UpdateUser", "a") is grpc.StatusCode.UNAVAILABLE
        assert_error(door.client.get("/nowhere"), 404, 5, "UNKNOWN_PATH")


@pytest.mark.parametrize("command", ["crash:", "start-and-crash:"])
def test_crash_during_call_is_503(command: str) -> None:
    with front_door() as door:
        assert_error(door.client.get(f"/user/{command}"), 503, 14, "UNAVAILABLE")


def test_slow_call_times_out(impatient: FrontDoor) -> None:
    assert_error(impatient.client.get("/user/hang:"), 504, 4, "TIMEOUT")
    assert code_of(impatient, "GetUser", "hang:") is grpc.StatusCode.DEADLINE_EXCEEDED
    assert code_of(impatient, "UpdateUser", "hang:") is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    "beginning",
    [
        b"PUT /user HTTP/1.1\r\nhost: a\r\n",
        b"PUT /user HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{",
        b"PUT /user HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
)
def test_stalled_request_is_408(impatient: FrontDoor, beginning: bytes) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port)) as connection:
        connection.settimeout(10)
        connection.sendall(beginning)
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b'"code":4' in body


def test_slow_request_is_408(impatient: FrontDoor) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port)) as connection:
        connection.sendall(b"PUT /user HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n")
        connection.settimeout(0.05)

        def answered() -> bytes:
            try:
                return connection.recv(9999)
            except TimeoutError:
                connection.sendall(b" ")
                return b""

        assert eventually(answered, "an answer").startswith(b"HTTP/1.1 408 ")


def test_calls_beyond_limit_are_503_at_once() -> None:
    with front_door(changes={"max_requests: 8192\n": "max_requests: 1\n"}) as door:
        with grpc.insecure_channel(door.target) as channel:
            request = user_pb2.GetUserRequest(id_or_lookup="hang:").SerializeToString()
            invoke = unary(channel, "/gymlocker.v2.UserService/GetUser")
            hanging = invoke.future(request, timeout=20)
            eventually(lambda: door.workers[0].ask("count:hang:") == "1", "a call in flight")
            response = door.client.put("/user", json={})
            assert_error(response, 503, 14, "UNAVAILABLE")
            assert response.headers["retry-after"] == "1"
            assert code_of(door, "UpdateUser", "a") is grpc.StatusCode.UNAVAILABLE
            hanging.cancel()
        eventually(
            lambda: door.client.put("/user", json={}).status_code == 200,
            "there is room again",
        )


def test_taken_port_is_error(door: FrontDoor) -> None:
    own = door.folder / "second.yaml"
    first = (door.folder / "envoy.yaml").read_text()
    own.write_text(first.replace("admin.sock", "second.sock"))
    second = subprocess.run(
        envoy_command(own), capture_output=True, text=True, timeout=20, check=False
    )
    assert second.returncode != 0
    assert "Address already in use" in second.stderr


def test_finds_workers_by_name() -> None:
    with front_door(tcp=True) as door:
        assert send_command(door, "abc") == "abc"
        assert door.healthy_workers() >= 1
        assert door.stderr.read_text() == ""


def test_slow_senders_do_not_block_others() -> None:
    changes = {"max_requests: 1024": "max_requests: 1"}
    with front_door(changes=changes) as door, ExitStack() as stack:
        head = (
            b"POST /gymlocker.v2.SystemService/GetHealth HTTP/1.1\r\nhost: x\r\n"
            b"content-type: application/grpc\r\nte: trailers\r\ncontent-length: 100\r\n\r\n\0"
        )
        for _ in range(5):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", door.port)))
            slow.sendall(head)
        for _ in range(5):
            assert door.client.get("/health").status_code == 200
