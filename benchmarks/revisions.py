"""Calls of the feed compared with those of another checkout of this repository.

    git worktree add /tmp/before COMMIT && (cd /tmp/before && uv sync --dev)
    uv run python -m benchmarks.revisions /tmp/before

Each checkout has a worker and a PostgreSQL of its own. Both are called in turns, over gRPC and
without Envoy. The output is calls per second of this checkout relative to the other,
and the CPU time per call, as medians of all rounds.
"""

import asyncio
import os
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import grpc
import typer
from google.protobuf.timestamp_pb2 import Timestamp
from gymlocker.v2 import event_pb2

from benchmarks.cpu import LOAD, Meter, difference
from benchmarks.h2load import Request, run_load
from benchmarks.launcher import Launcher, free_port, postgres_process
from benchmarks.seed import Seeded, seed
from benchmarks.servers import POSTGRES
from benchmarks.workloads import CONCURRENCY, MULTIPLEXED, SINGLE, grpc_request, put_events
from server.libraries.common.paths import ROOT
from server.programs.local.temporary_postgres import temporary_postgres

WARM_UP_SECONDS = 1.0
# All passwords are hashed once before the measurement.
HASHING_SECONDS = 20.0
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
Requests = Sequence[Request]


@dataclass(frozen=True)
class _Revision:
    port: int
    meter: Meter
    # By name.
    calls: Mapping[str, Requests]


def main(
    other: Annotated[Path, typer.Argument(help="Folder of the other checkout.")],
    rounds: Annotated[int, typer.Option(min=1, help="Number of measurements per figure.")] = 15,
    seconds: Annotated[float, typer.Option(min=0.2, help="Duration of each load.")] = 1.5,
) -> None:
    """Measure and print."""
    with ExitStack() as stack:
        launcher = Launcher(stack)
        mine, its = (_start(stack, launcher, folder) for folder in (ROOT, other.resolve()))
        for name in mine.calls:
            if name in its.calls:
                _compare(name, mine, its, rounds=rounds, seconds=seconds)


def _start(stack: ExitStack, launcher: Launcher, folder: Path) -> _Revision:
    """Migrate a database, fill it, and start a worker, all with the code of a checkout."""
    url = stack.enter_context(temporary_postgres(POSTGRES)).url()
    postgres = postgres_process()
    python = str(folder / ".venv/bin/python")
    environment = {**os.environ, "DATABASE_URL": url}
    migration = (python, "-P", "-m", "server", "migrate")
    subprocess.run(migration, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    seeded = asyncio.run(seed(url, people=CONCURRENCY))
    port = free_port()
    worker = launcher.start(
        "server", "serve", f"--listen=127.0.0.1:{port}", python=python, folder=folder,
        DATABASE_URL=url,
    )  # fmt: skip
    launcher.wait_for(port)
    calls = _calls(port, seeded)
    run_load(port, calls["PutEvent"], SINGLE, HASHING_SECONDS)
    return _Revision(port, Meter({"worker": worker, "PostgreSQL": postgres}), calls)


def _calls(port: int, seeded: Seeded) -> dict[str, Requests]:
    everything = event_pb2.GetEventsRequest(
        users=[
            event_pb2.FollowedUser(user_id=each.id, follow_secret=each.secret)
            for each in seeded.followed
        ]
    )
    now = Timestamp()
    now.GetCurrentTime()
    calls: dict[str, Requests] = {
        "PutEvent": put_events(seeded)["grpc"],
        "GetEvents of everything": [_get_events(everything)],
        "GetEvents without news": [_get_events(everything, since=now)],
    }
    if cursors := _cursors(port, everything):
        calls["GetEvents without news, by cursors"] = [_get_events(everything, cursors=cursors)]
    return calls


def _get_events(
    request: event_pb2.GetEventsRequest,
    *,
    since: Timestamp | None = None,
    cursors: Mapping[str, str] | None = None,
) -> Request:
    changed = event_pb2.GetEventsRequest()
    changed.CopyFrom(request)
    for user in changed.users:
        if since:
            user.since.CopyFrom(since)
        if cursors:
            user.cursor = cursors[user.user_id]
    return grpc_request("EventService/GetEvents", changed)


def _cursors(port: int, request: event_pb2.GetEventsRequest) -> Mapping[str, str]:
    """Return the cursors after everything, or none from a release without them."""
    options = (("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),)
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        get_events = channel.unary_unary(
            "/gymlocker.v2.EventService/GetEvents",
            request_serializer=event_pb2.GetEventsRequest.SerializeToString,
            response_deserializer=event_pb2.GetEventsResponse.FromString,
        )
        return dict(get_events(request, timeout=60).cursors)


def _compare(name: str, mine: _Revision, its: _Revision, *, rounds: int, seconds: float) -> None:
    """Print the rate and the cost of a call relative to the other checkout."""
    for each in (mine, its):
        _load(each, name, WARM_UP_SECONDS)
    rates, costs = [], []
    for number in range(rounds):
        # None always follows the other.
        pair = (mine, its) if number % 2 else (its, mine)
        measured = {each.port: _load(each, name, seconds) for each in pair}
        (rate, cost), (other_rate, other_cost) = measured[mine.port], measured[its.port]
        rates.append(rate / other_rate)
        costs.append(cost / other_cost)
    low, _, high = statistics.quantiles(rates, n=4)
    print(
        f"{name:36} {statistics.median(rates):.3f} of the calls per second "
        f"(quartiles {low:.2f} to {high:.2f}), {statistics.median(costs):.3f} of the CPU time",
        flush=True,
    )


def _load(revision: _Revision, name: str, seconds: float) -> tuple[float, float]:
    """Return the calls per second, and the CPU seconds of a call."""
    requests = revision.calls[name]
    before = revision.meter.read()
    load = run_load(revision.port, requests, SINGLE if len(requests) > 1 else MULTIPLEXED, seconds)
    used = difference(before, revision.meter.read())
    return load.rate, sum(value for name, value in used.items() if name != LOAD) / load.done


if __name__ == "__main__":
    typer.run(main)
