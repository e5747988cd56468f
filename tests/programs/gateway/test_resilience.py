"""What Envoy does when workers are slow, dead or too few, and when callers are slow."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest
from gymlocker.v2 import user_pb2

from .assertions import assert_error
from .processes import FrontDoor, call, envoy_command, eventually, front_door, unary

SHORT = {
    "timeout: 30s": "timeout: 0.3s",
    "stream_idle_timeout: 40s": "stream_idle_timeout: 0.6s",
    "request_headers_timeout: 10s": "request_headers_timeout: 0.3s",
    "{max_stream_duration: 300s}": "{max_stream_duration: 0.9s}",
}


@pytest.fixture(scope="module")
def impatient() -> Iterator[FrontDoor]:
    """A front door with all its timeouts shortened."""
    with front_door(changes=SHORT) as running:
        yield running


@pytest.fixture(scope="module")
def shared_pair() -> Iterator[FrontDoor]:
    """A front door with two workers, of which a test may have ended one."""
    with front_door(workers=2) as running:
        yield running


@pytest.fixture
def pair(shared_pair: FrontDoor) -> FrontDoor:
    """A front door with two healthy workers."""
    dead = [worker for worker in shared_pair.workers if worker.process.poll() is not None]
    alive = 2 - len(dead)
    # Noticed first: else a worker that only starts would count as the healthy one that it was.
    eventually(lambda: shared_pair.healthy_workers() == alive, "the dead workers are noticed")
    for worker in dead:
        worker.start()
    eventually(lambda: shared_pair.healthy_workers() == 2, "both workers are healthy")
    return shared_pair


def asked(door: FrontDoor, command: str) -> str:
    """Gives a command to some worker, through Envoy; returns the answer."""
    return str(door.client.get(f"/user/{command}", timeout=20).json()["lookup"])


def code_of(door: FrontDoor, method: str, command: str) -> grpc.StatusCode:
    """Calls a method that fails; returns its gRPC status."""
    requests = {
        "GetUser": user_pb2.GetUserRequest(id_or_lookup=command),
        "UpdateUser": user_pb2.UpdateUserRequest(id=command),
    }
    with grpc.insecure_channel(door.target) as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel, method, requests[method])
    assert "{" not in str(caught.value.details())
    code: grpc.StatusCode = caught.value.code()
    return code


def test_a_read_that_was_lost_with_its_worker_is_tried_again(pair: FrontDoor) -> None:
    dying = pair.workers[0].process
    while dying.poll() is None:
        assert asked(pair, f"crash-if:{dying.pid}") == "not me"


def test_a_worker_that_says_unavailable_has_answered(door: FrontDoor) -> None:
    reply = door.client.get("/user/fail:UNAVAILABLE:read")
    assert (reply.status_code, reply.json()["code"]) == (503, 14)
    assert asked(door, "count:fail:UNAVAILABLE:read") == "1"


def test_a_write_that_a_worker_saw_is_not_tried_again(door: FrontDoor) -> None:
    reply = door.client.put("/user", json={"id": "fail:UNAVAILABLE:write"})
    assert reply.status_code == 503
    assert asked(door, "count:fail:UNAVAILABLE:write") == "1"


def test_a_write_is_lost_with_its_worker_and_not_repeated(pair: FrontDoor) -> None:
    reply = pair.client.put("/user", json={"id": "crash:"}, timeout=20)
    assert_error(reply, 503, 14, "UNAVAILABLE")
    eventually(lambda: pair.healthy_workers() == 1, "the dead worker is noticed")
    assert asked(pair, "count:crash:") == "0"


def test_a_dead_worker_is_left_out_and_a_new_one_found(pair: FrontDoor) -> None:
    dead = pair.workers[0]
    dead.stop()
    for _ in range(20):
        assert pair.client.put("/user", json={"id": "a"}).status_code == 200
    eventually(lambda: pair.healthy_workers() == 1, "the dead worker is noticed")
    dead.start()
    eventually(lambda: pair.healthy_workers() == 2, "the new worker is found")
    eventually(lambda: asked(pair, "pid:") == str(dead.process.pid), "the new worker is asked")


def test_a_worker_that_is_leaving_gets_nothing_new(pair: FrontDoor) -> None:
    leaving, staying = pair.workers
    leaving.ask("health:NOT_SERVING")
    alone = {str(staying.process.pid)}
    eventually(
        lambda: {asked(pair, "pid:") for _ in range(20)} == alone,
        "the leaving worker is left alone",
    )
    leaving.ask("health:SERVING")
    eventually(lambda: pair.healthy_workers() == 2, "the worker is back")


def test_without_workers_everything_is_unavailable() -> None:
    with front_door(started=False) as door:
        for reply in (
            door.client.get("/user/abc"),
            door.client.put("/user", json={}),
            door.client.get("/health"),
        ):
            assert_error(reply, 503, 14, "UNAVAILABLE")
        assert code_of(door, "GetUser", "a") is grpc.StatusCode.UNAVAILABLE
        assert code_of(door, "UpdateUser", "a") is grpc.StatusCode.UNAVAILABLE
        assert_error(door.client.get("/nowhere"), 404, 5, "UNKNOWN_PATH")


@pytest.mark.parametrize("command", ["crash:", "start-and-crash:"])
def test_a_worker_that_ends_amid_a_call_is_a_503(command: str) -> None:
    with front_door() as door:
        assert_error(door.client.get(f"/user/{command}"), 503, 14, "UNAVAILABLE")


def test_a_call_that_takes_too_long(impatient: FrontDoor) -> None:
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
def test_a_caller_who_stops_talking_is_shown_out(impatient: FrontDoor, beginning: bytes) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port)) as connection:
        connection.settimeout(10)
        connection.sendall(beginning)
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b'"code":4' in body


def test_a_caller_who_talks_too_slowly_is_shown_out(impatient: FrontDoor) -> None:
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


def test_more_than_can_be_done_is_refused_at_once() -> None:
    with front_door(changes={"max_requests: 8192\n": "max_requests: 1\n"}) as door:
        with grpc.insecure_channel(door.target) as channel:
            request = user_pb2.GetUserRequest(id_or_lookup="hang:").SerializeToString()
            invoke = unary(channel, "/gymlocker.v2.UserService/GetUser")
            hanging = invoke.future(request, timeout=20)
            eventually(lambda: door.workers[0].ask("count:hang:") == "1", "a call in flight")
            reply = door.client.put("/user", json={})
            assert_error(reply, 503, 14, "UNAVAILABLE")
            assert reply.headers["retry-after"] == "1"
            assert code_of(door, "UpdateUser", "a") is grpc.StatusCode.UNAVAILABLE
            hanging.cancel()
        eventually(
            lambda: door.client.put("/user", json={}).status_code == 200,
            "there is room again",
        )


def test_a_port_that_is_taken_is_an_error(door: FrontDoor) -> None:
    own = door.folder / "second.yaml"
    first = (door.folder / "envoy.yaml").read_text()
    own.write_text(first.replace("admin.sock", "second.sock"))
    second = subprocess.run(
        envoy_command(own), capture_output=True, text=True, timeout=20, check=False
    )
    assert second.returncode != 0
    assert "Address already in use" in second.stderr


def test_workers_are_found_by_name() -> None:
    with front_door(tcp=True) as door:
        assert asked(door, "abc") == "abc"
        assert door.healthy_workers() >= 1
        assert door.stderr.read_text() == ""


def test_who_sends_slowly_takes_nobodys_place() -> None:
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
