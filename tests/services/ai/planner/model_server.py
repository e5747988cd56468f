"""Fake of a model server with the API of OpenAI's chat completions.

    uv run python -m tests.services.ai.planner.model_server --port 9999
    OPENAI_BASE_URL=http://127.0.0.1:9999/v1 uv run gymlocker up

It has no state: an answer depends only on the request. It greets, quotes the first message, makes a
plan if the message contains "plan" or the call of a tool is forced, and repeats any other message.
Faults are taken from `faults`, one for each call, or from the model: `OPENAI_MODEL=fault:stall`.
"""

import argparse
import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.services.ai.planner.plans import PLAN, SESSION
from tests.services.ai.planner.script import Fault, events, wants_to_wait

Json = dict[str, Any]

_STATUSES: dict[Fault, tuple[str, str]] = {
    Fault.TOO_MANY: ("429 Too Many Requests", "rate_limit_exceeded"),
    Fault.USED_UP: ("429 Too Many Requests", "insufficient_quota"),
    Fault.BUSY: ("500 Internal Server Error", "server_error"),
    Fault.WRONG_KEY: ("401 Unauthorized", "invalid_api_key"),
    Fault.FORBIDDEN: ("403 Forbidden", "forbidden"),
    Fault.NO_MODEL: ("404 Not Found", "model_not_found"),
}


@dataclass
class ModelServer:
    """A server that listens within `async with`."""

    port: int = 0
    # Seconds between two chunks of an answer.
    pace: float = 0
    retry_after: str = "0"
    faults: deque[Fault | None] = field(default_factory=deque)
    # The requests and their headers.
    calls: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    # Answers in flight, answers that a client cancelled, and stalled answers.
    open: int = 0
    hung_up: int = 0
    stalled: int = 0
    plan: Json = field(default_factory=lambda: PLAN)
    session: Json = field(default_factory=lambda: SESSION)

    async def __aenter__(self) -> Self:
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on the counts holds."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(condition)

    async def _count(self, **changes: int) -> None:
        async with self._changed:
            for name, change in changes.items():
                setattr(self, name, getattr(self, name) + change)
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(ConnectionError, asyncio.CancelledError):
            while (request := await _request(reader)) is not None:
                await self._count(open=1)
                try:
                    await self._respond(*request, reader, writer)
                except ConnectionError as error:
                    await self._count(hung_up=not isinstance(error, _Closed))
                    raise
                finally:
                    await asyncio.shield(self._count(open=-1))
        writer.close()

    async def _respond(
        self,
        headers: dict[str, str],
        body: Json,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.calls.append(body)
        self.headers.append(headers)
        fault = self.faults.popleft() if self.faults else None
        model = body["model"]
        if fault is None and model.startswith("fault:"):
            fault = Fault(model.removeprefix("fault:"))
        if fault is None and wants_to_wait(body):
            fault = Fault.STALL
        if fault == Fault.HANG_UP:
            raise _Closed
        if fault in _STATUSES:
            self._refuse(writer, *_STATUSES[fault])
        elif fault == Fault.NO_EFFORT and "reasoning_effort" in body:
            self._refuse(writer, "400 Bad Request", "unsupported_value", "reasoning_effort")
        else:
            await self._stream(
                events(body, fault, plan=self.plan, session=self.session), fault, reader, writer
            )

    def _refuse(
        self, writer: asyncio.StreamWriter, status: str, code: str, param: str | None = None
    ) -> None:
        message = f"canary: {code} {param or ''} key sk-...canary"
        error = {"message": message, "type": "error", "code": code, "param": param}
        body = json.dumps({"error": error}).encode()
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nretry-after: {self.retry_after}\r\n\r\n"
        )
        writer.write(head.encode() + body)

    async def _stream(
        self,
        lines: Iterator[str],
        fault: Fault | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        data = b"" if fault == Fault.EMPTY else "".join(lines).encode()
        # More than half, so that a part of the text and of the plan is sent.
        half = data[: len(data) * 3 // 5]
        if fault in (Fault.STALL_EARLY, Fault.HANG_UP_EARLY):
            data = b""
        elif fault in (Fault.STALL, Fault.CUT):
            data = half
        elif fault == Fault.ERROR_EVENT:
            error = {"error": {"message": "canary", "code": "overloaded"}}
            data = half[: half.rindex(b"\n\n") + 2] + f"data: {json.dumps(error)}\n\n".encode()
        async for chunk in _chunks(data, self.pace):
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await writer.drain()
        if fault in (Fault.CUT, Fault.HANG_UP_EARLY):
            raise _Closed
        if fault in (Fault.STALL, Fault.STALL_EARLY):
            await self._count(stalled=1)
            # Nothing more is sent. The client sends nothing either until it hangs up.
            await reader.read()
            raise ConnectionResetError
        writer.write(b"0\r\n\r\n")
        await writer.drain()


class _Closed(ConnectionAbortedError):
    """The server closes the connection."""


async def _request(reader: asyncio.StreamReader) -> tuple[dict[str, str], Json] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.partition(": ") for line in head.splitlines()[1:] if line]
        headers = {name.lower(): value for name, _, value in lines}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except asyncio.IncompleteReadError:
        return None
    return headers, json.loads(body)


async def _chunks(data: bytes, pace: float) -> AsyncIterator[bytes]:
    """Cut `data` anywhere: within lines, characters and line ends."""
    dice = random.Random(len(data))
    start = 0
    while start < len(data):
        end = start + dice.randint(1, 400)
        yield data[start:end]
        start = end
        await asyncio.sleep(pace)


async def _main() -> None:
    parser = argparse.ArgumentParser(description="A fake language model.")
    parser.add_argument("--port", type=int, default=9999)
    parser.add_argument("--pace", type=float, default=0.02, help="seconds between two chunks")
    arguments = parser.parse_args()
    async with ModelServer(port=arguments.port, pace=arguments.pace) as server:
        print(f"OPENAI_BASE_URL={server.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main())
