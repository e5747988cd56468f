"""The plan of a stack: what to run, in which order. One process prepares it, another one runs it.

To prepare a plan takes large libraries, for settings and for Envoy's configuration. To run it takes
none of them, and whoever runs it stays for as long as the stack. So the process that has prepared a
plan replaces itself with a new program that has only the plan: see docs/decisions/0022-memory.md.
"""

import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

from server.libraries.network.address import Address
from server.libraries.process.supervisor import Process

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Migration:
    """The command that brings the database up to date."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path


@dataclass(frozen=True)
class Plan:
    """The processes of a stack in the order of their start.

    `postgres` is None with an external database, `web` if the worker serves the pages itself.
    `address` is where requests are served, over TLS if `tls`; `welcome` is printed when they are.
    `socket_folders` are removed when all processes have ended, the first of them is the stack's
    own. `lock` is the open file that locks the data folder.
    """

    postgres: Process | None
    migration: Migration
    workers: tuple[Process, ...]
    web: Process | None
    envoy: Process
    address: Address
    tls: bool
    welcome: str
    logs: Path
    socket_folders: tuple[Path, ...]
    lock: int


def run_in_new_program(plan: Plan) -> NoReturn:
    """Replace this program with one that runs the plan; the process id stays.

    STOP_SIGNALS must be blocked, so that none is lost in between.
    """
    # The file has no name, for the plan contains secrets.
    with tempfile.TemporaryFile(dir=plan.socket_folders[0]) as file:
        pickle.dump(plan, file)
        file.seek(0)
        for kept in (file.fileno(), plan.lock):
            os.set_inheritable(kept, True)
        # -P, or else Python would import a folder named `server` in the current folder.
        program = (sys.executable, "-P", "-m", "server.programs.local", str(file.fileno()))
        # The rest is not read: it shows in a list of processes what this one is.
        os.execv(sys.executable, [*program, *sys.argv[1:]])


def read_plan(file: int) -> Plan:
    """Read the plan from the open file that `run_in_new_program` has left."""
    with os.fdopen(file, "rb") as stream:
        # Written by this very process.
        plan = cast(Plan, pickle.load(stream))  # noqa: S301
    os.set_inheritable(plan.lock, False)
    return plan
