"""Load by h2load: one request again and again, from many places at once.

h2load counts gRPC's errors as successes, for HTTP they are: so the bytes of the replies are
compared with those of a reply that is known to be right.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

# A reply may be under way when the time is over, or have a digit more than another.
TOLERANCE = 0.02

_HEADERS = {
    "grpc": ("content-type: application/grpc", "te: trailers"),
    "rest": ("content-type: application/json",),
}


class LoadError(Exception):
    """The server did not do what was asked."""


@dataclass(frozen=True)
class Request:
    """What is sent; `body` is framed if it is gRPC's. None: there is none."""

    protocol: str
    path: str
    body: bytes | None = None
    verb: str = "POST"


@dataclass(frozen=True)
class Shape:
    """How many connections each request is sent on, and how many are under way on each."""

    connections: int
    at_once: int


# With so many under way at most, one that is slow keeps none of the next from being sent.
PACED = Shape(connections=4, at_once=100)


@dataclass(frozen=True)
class Load:
    """What one run did: requests a second, how many in all, and the body bytes of the replies.

    `succeeded` are those with a status of HTTP that says so, which gRPC's errors have, too.
    """

    rate: float
    done: int
    succeeded: int
    reply_bytes: int


def loaded(port: int, requests: Sequence[Request], shape: Shape, seconds: float) -> Load:
    """Sends all `requests` side by side for `seconds`. Raises LoadError if any one failed."""
    runs = _checked(_run(port, requests, shape, f"-D{seconds * 1000:.0f}ms"))
    return Load(
        rate=sum(run.rate for run in runs),
        done=sum(run.done for run in runs),
        succeeded=sum(run.succeeded for run in runs),
        reply_bytes=sum(run.reply_bytes for run in runs),
    )


def offered(port: int, request: Request, shape: Shape, seconds: float) -> Load:
    """Sends a request for `seconds`, more often than it can be answered: some may be refused."""
    return _run(port, [request], shape, f"-D{seconds * 1000:.0f}ms")[0]


def once(port: int, request: Request) -> int:
    """Sends a request once; returns the body bytes of its reply."""
    return _checked(_run(port, [request], Shape(1, 1), "-n1"))[0].reply_bytes


@contextmanager
def repeated(
    port: int, request: Request, shape: Shape, rate: float | None = None
) -> Iterator[None]:
    """Sends a request for as long as the context lasts: `rate` times a second, else without pause.

    Raises LoadError if it is refused.
    """
    pace = [] if rate is None else [f"--rps={rate:g}"]
    if once(port, request) == 0:
        raise LoadError(f"{request.path} is refused")
    with tempfile.TemporaryDirectory() as folder:
        command = _command(port, request, shape, Path(folder) / "body", ["-D3600", *pace])
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                yield
            finally:
                process.kill()


def latencies(port: int, request: Request, rate: int, seconds: float) -> list[float]:
    """Sends a request `rate` times a second, however long replies take; returns milliseconds.

    Those that are not answered when the time is over count as if they had taken all of it.
    """
    with tempfile.NamedTemporaryFile("r") as log:
        pace = (f"--rps={rate // PACED.connections}", f"--log-file={log.name}")
        _checked(_run(port, [request], PACED, *pace, f"-D{seconds * 1000:.0f}ms"))
        lines = [line.split("\t") for line in log]
    unanswered = max(0, int(rate * seconds * (1 - TOLERANCE)) - len(lines))
    waited = [int(microseconds) / 1_000 for _, _, microseconds in lines]
    return waited + [seconds * 1_000] * unanswered


def _run(port: int, requests: Sequence[Request], shape: Shape, *options: str) -> list[Load]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        commands = [
            _command(port, request, shape, folder / str(number), options)
            for number, request in enumerate(requests)
        ]
        running = [
            stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
            for command in commands
        ]
        said = [process.communicate() for process in running]
    return [_read(out, err) for out, err in said]


def _command(
    port: int, request: Request, shape: Shape, body: Path, options: Sequence[str]
) -> list[str]:
    command = ["h2load", f"-c{shape.connections}", f"-m{shape.at_once}", *options]
    for header in _HEADERS[request.protocol]:
        command += ["-H", header]
    if request.protocol == "rest":
        command += ["-p", "http/1.1"]
    if request.body is not None:
        body.write_bytes(request.body)
        command += ["-d", str(body), "-H", f":method: {request.verb}"]
    return [*command, f"http://127.0.0.1:{port}{request.path}"]


def _read(out: str, err: str) -> Load:
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", out)
    counted = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", out)
    size = re.search(r"\((\d+)\) data", out)
    if rate is None or counted is None or size is None:
        raise LoadError(f"h2load said {out or err}")
    return Load(
        rate=float(rate[1]),
        done=int(counted[1]),
        succeeded=int(counted[2]),
        reply_bytes=int(size[1]),
    )


def _checked(loads: list[Load]) -> list[Load]:
    for load in loads:
        if load.succeeded != load.done:
            raise LoadError(f"{load.done - load.succeeded} of {load.done} requests failed")
    return loads
