"""One connection to PostgreSQL, for all who need one: the pool, migrations, `gymlocker doctor`.

Of several hosts, the one is taken that can be written to. asyncpg would try them in turn within
one time limit, which a host that hangs at the front of the list uses up.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import asyncpg

from server.libraries.database.url import hosts_of, target_of

# How long one host may take.
CONNECT_SECONDS = 2.5
# How much later the next host is tried while one has not answered.
HEAD_START_SECONDS = 0.25

CONNECT_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

Attempt: TypeAlias = Callable[[], Coroutine[Any, Any, asyncpg.Connection]]


async def connect(
    url: str, *, timeout: float = CONNECT_SECONDS, **options: Any
) -> asyncpg.Connection:
    """A connection to the database at `url`; each host has `timeout` seconds of its own.

    Of several hosts it is one that takes writes, unless the URL has another wish
    (target_session_attrs). `options` are asyncpg's. Raises one of CONNECT_ERRORS.
    """
    hosts = hosts_of(url)
    if len(hosts) < 2:
        return await asyncpg.connect(url, timeout=timeout, **options)
    options |= {"timeout": timeout, "target_session_attrs": target_of(url) or "read-write"}
    return await _first(
        [partial(asyncpg.connect, url, host=host, port=port, **options) for host, port in hosts]
    )


def place_of(url: str) -> str:
    """Where a database is, for people: " at host:port", without user and password.

    Empty if nobody knows, or if what looks like the host may be a piece of the password.
    """
    parts = urlsplit(url)
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return ""
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f" at {host}" if host else ""


async def _first(attempts: Sequence[Attempt]) -> asyncpg.Connection:
    """The first connection that is made. All others are given up."""
    waiting = list(attempts)
    started: list[asyncio.Task[asyncpg.Connection]] = []
    try:
        while waiting or not all(task.done() for task in started):
            if waiting:
                started.append(asyncio.create_task(waiting.pop(0)()))
            await asyncio.wait(
                [task for task in started if not task.done()],
                timeout=HEAD_START_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in started:
                if task.done() and task.exception() is None:
                    started.remove(task)
                    return task.result()
        raise _reason([task.exception() for task in started])
    finally:
        for task in started:
            task.cancel()
            task.add_done_callback(_close)


def _reason(errors: Sequence[BaseException | None]) -> BaseException:
    """That a host is out of reach says more than that another one takes no writes."""
    found = [error for error in errors if error is not None]
    away = [one for one in found if not isinstance(one, asyncpg.TargetServerAttributeNotMatched)]
    return (away or found)[-1]


def _close(task: "asyncio.Task[asyncpg.Connection]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().terminate()
