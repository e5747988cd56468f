"""Hints of commands that end somebody's access, as running workers get them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from server.libraries.database.pool import Database
from server.libraries.hints.factory import make_transport
from server.libraries.hints.hint import Hint, Topic
from server.libraries.hints.hints import Hints
from tests.libraries.hints.conftest import running
from tests.programs.administration.conftest import Gymlocker
from tests.programs.administration.test_users import PASSWORD, created
from tests.support.nats import running_nats
from tests.support.ports import free_port
from tests.support.waiting import eventually, wait_until

DISABLE = ("users", "disable", "ada")


@pytest.fixture
def ada(gymlocker: Gymlocker, database_url: str) -> UUID:
    """The id of an account."""
    return UUID(created(gymlocker, "ada")["id"])


@contextmanager
def worker(url: str, *nats_urls: str) -> Iterator[list[Hint]]:
    """Receive hints as a worker does; in a thread, for the commands have event loops of theirs."""
    received, is_live, stop = list[Hint](), threading.Event(), threading.Event()

    async def receive() -> None:
        async with Database(url, pool_size=2) as database:
            hints = Hints(make_transport(database, url, nats_urls))
            hints.subscribe(received.append)
            async with running(hints):
                await eventually(lambda: hints.is_live)
                is_live.set()
                await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=[receive()])
    thread.start()
    try:
        wait_until(lambda: is_live.is_set() or not thread.is_alive())
        assert is_live.is_set()
        yield received
    finally:
        stop.set()
        thread.join()


def delete_key(gymlocker: Gymlocker, *arguments: str) -> Any:
    listed = gymlocker("keys", "list", "ada", "--json").output
    return gymlocker("keys", "delete", listed.partition('"id": "')[2][:36], *arguments)


COMMANDS: dict[str, Callable[[Gymlocker], Any]] = {
    "disable": lambda gymlocker: gymlocker(*DISABLE),
    "enable": lambda gymlocker: gymlocker("users", "enable", "ada"),
    "reset password": lambda gymlocker: gymlocker(
        "users", "reset-password", "ada", typed=f"{PASSWORD} new\n"
    ),
    "delete key": lambda gymlocker: delete_key(gymlocker, "--yes"),
    "delete": lambda gymlocker: gymlocker("users", "delete", "ada", "--yes"),
}


def test_every_command_reaches_workers(gymlocker: Gymlocker, database_url: str, ada: UUID) -> None:
    assert gymlocker("keys", "create", "ada", "--name", "a", "--scope", "planner").code == 0
    with worker(database_url) as received:
        for name, command in COMMANDS.items():
            ended = command(gymlocker)
            assert (ended.code, ended.errors) == (0, ""), name
            wait_until(lambda: len(received) > 0, 10)
            assert received == [Hint(Topic.ACCESS, ada)], name
            received.clear()


@pytest.mark.extended
def test_command_reaches_workers_by_nats(
    gymlocker: Gymlocker, database_url: str, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_nats() as server, worker(database_url, server.url) as received:
        monkeypatch.setenv("NATS_URL", server.url)
        assert gymlocker(*DISABLE).errors == ""
        wait_until(lambda: received == [Hint(Topic.ACCESS, ada)], 10)


@pytest.mark.parametrize("url", [f"nats://127.0.0.1:{free_port()}", "canary"], ids=["down", "no"])
def test_warns_if_workers_cannot_be_told(
    gymlocker: Gymlocker, ada: UUID, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("NATS_URL", url)
    ended = gymlocker(*DISABLE)
    assert (ended.code, ended.output) == (0, "ada is disabled; all sessions were ended.\n")
    assert "NATS_URL" in ended.errors and "canary" not in ended.errors
    monkeypatch.delenv("NATS_URL")
    assert '"disabled": null' not in gymlocker("users", "list", "--json").output
