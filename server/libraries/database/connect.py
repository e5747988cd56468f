"""One connection to PostgreSQL: for the pool, migrations and `gymlocker doctor`.

Of several hosts, the writable one is chosen. asyncpg would try them in turn within one timeout,
which a host that hangs uses up if it stands first.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import asyncpg

from server.libraries.database.url import hosts_of, target_of

# Timeout for one host.
CONNECT_SECONDS = 2.5
# Head start of a host before the next one is tried, too.
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
    """Connect to the database at `url`; `timeout` holds for each host.

    Of several hosts a writable one is chosen, unless the URL says otherwise
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
    """Return " at host:port" of a database for messages, without user and password.

    Empty if the host is unknown, or if its text may be a part of the password.
    """
    parts = urlsplit(url)
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return ""
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f" at {host}" if host else ""


async def _first(attempts: Sequence[Attempt]) -> asyncpg.Connection:
    """Return the connection of the first attempt to succeed; cancel the others."""
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
    """Choose the error to raise: an unreachable host says more than a read-only one."""
    found = [error for error in errors if error is not None]
    unreachable = [
        one for one in found if not isinstance(one, asyncpg.TargetServerAttributeNotMatched)
    ]
    return (unreachable or found)[-1]


def _close(task: "asyncio.Task[asyncpg.Connection]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().terminate()
