"""One SignalR connection, from the handshake to the farewell.

One task reads, one writes, and each call by the client is a task for as long as it lasts. Whatever
ends the connection is an `Ending`; then the conversation behind it is ended at once.
"""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from server.programs.web import protocol
from server.programs.web.chat_client import SORRY, Chat
from server.programs.web.chat_stream import AnswerFailed, Conversation
from server.programs.web.hubs import Call, Hub, NotCallable
from server.programs.web.limits import Limits
from server.programs.web.protocol import Invocation, Malformed, Records
from server.programs.web.send_queue import Outbox, Overflow

_log = structlog.get_logger("web")

NORMAL, GOING_AWAY, PROTOCOL_ERROR, TOO_LARGE, INTERNAL_ERROR = 1000, 1001, 1002, 1009, 1011

# What reading and writing raise when the client is not there any more.
GONE = (WebSocketDisconnect, WebSocketDisconnected, OSError)


@dataclass(frozen=True)
class Ending:
    """How a connection ends.

    `name` is for the log. `code` is WebSocket's; None: there is nobody left to tell. The client is
    told the `error`, and whether it may come back.
    """

    name: str
    code: int | None
    error: str | None = None
    comes_back: bool = False


LEFT = Ending("left", None)
SENT_TOO_MUCH = Ending("sent too much", None)
SAID_GOODBYE = Ending("left", NORMAL)
LATE_HANDSHAKE = Ending("no handshake", PROTOCOL_ERROR, "The handshake did not come in time.")
SILENT = Ending("silent", NORMAL, "Nothing was heard from the client.", comes_back=True)
SLOW = Ending("slow", NORMAL, "The client reads too slowly.", comes_back=True)
BROKE_OFF = Ending("broke off", NORMAL, "The conversation broke off.", comes_back=True)
STOPPED = Ending("stopped", GOING_AWAY, comes_back=True)
UNHANDLED = Ending("unhandled_exception", INTERNAL_ERROR, SORRY)


class Connection:
    """Carries one conversation. `begin` opens the stream behind it."""

    def __init__(
        self,
        websocket: WebSocket,
        hub: type[Hub],
        begin: Callable[[], Chat],
        limits: Limits,
        today: Callable[[], date],
    ) -> None:
        self._websocket = websocket
        self._limits = limits
        self._outbox = Outbox(limits.unsent_bytes)
        self._records = Records(limits.record_bytes)
        self._conversation = Conversation(begin, lambda: self.end(BROKE_OFF))
        self._hub = hub(self._conversation, self._send_message, today)
        self._greeted = False
        self._calls: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(limits.calls)
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    async def run(self) -> Ending:
        """Carries the conversation until something ends it."""
        reading = asyncio.create_task(self._read())
        writing = asyncio.create_task(self._write())
        try:
            ending = await self._ending
            if ending is STOPPED and self._calls:
                self._conversation.break_off()
                await asyncio.wait(self._calls, timeout=self._limits.farewell_seconds)
            self._hang_up()
            await self._say_goodbye(ending, writing)
            return ending
        finally:
            self._hang_up()
            reading.cancel()
            writing.cancel()

    def end(self, ending: Ending) -> None:
        """Ends the connection, unless something else does already."""
        if not self._ending.done():
            self._ending.set_result(ending)

    def _hang_up(self) -> None:
        for call in self._calls:
            call.cancel()
        self._conversation.close()

    async def _say_goodbye(self, ending: Ending, writing: asyncio.Task[None]) -> None:
        if ending.code is None:
            return
        if ending is SLOW:
            self._outbox.drop()
        self._outbox.close(self._last_record(ending))
        with suppress(TimeoutError, *GONE):
            async with asyncio.timeout(self._limits.farewell_seconds):
                await writing
                await self._websocket.close(ending.code)

    def _last_record(self, ending: Ending) -> str | None:
        if self._greeted:
            return protocol.close(ending.error, allow_reconnect=ending.comes_back)
        return protocol.handshake_response(ending.error) if ending.error else None

    # Reading

    async def _read(self) -> None:
        try:
            ending = await self._listen()
        except Malformed as error:
            ending = Ending("malformed", PROTOCOL_ERROR, str(error))
        except WebSocketDisconnect as error:
            ending = SENT_TOO_MUCH if error.code == TOO_LARGE else LEFT
        except Exception as error:
            # Its text may quote what was said.
            _log.error("unhandled_exception", error=type(error).__name__)
            ending = UNHANDLED
        self.end(ending)

    async def _listen(self) -> Ending:
        try:
            async with asyncio.timeout(self._limits.handshake_seconds):
                while not (records := await self._receive()):
                    pass
        except TimeoutError:
            return LATE_HANDSHAKE
        if error := protocol.handshake_error(records[0]):
            return Ending("wrong handshake", PROTOCOL_ERROR, error)
        self._greeted = True
        self._put(protocol.handshake_response(None))
        del records[0]
        while not any(self._take(record) for record in records):
            try:
                async with asyncio.timeout(self._limits.client_seconds):
                    records = await self._receive()
            except TimeoutError:
                return SILENT
        return SAID_GOODBYE

    async def _receive(self) -> list[str]:
        """The records that the next frame completes."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        if text is None:
            try:
                text = message["bytes"].decode()
            except UnicodeDecodeError:
                raise Malformed("A frame is not text.") from None
        return list(self._records.feed(text))

    def _take(self, record: str) -> bool:
        """Does what a record says. Returns whether it was the last."""
        message = protocol.parsed(record)
        match protocol.type_of(message):
            case protocol.INVOCATION | protocol.STREAM_INVOCATION:
                self._invoke(protocol.invocation_of(message))
            case protocol.CLOSE:
                return True
        # A ping has done its work by coming. Of streams, which there are none of, nothing is known.
        return False

    # Calls

    def _invoke(self, invocation: Invocation) -> None:
        try:
            call = self._hub.bind(invocation)
        except NotCallable as error:
            self._fail(invocation, str(error))
            return
        if len(self._calls) >= self._limits.calls + self._limits.waiting_calls:
            self._fail(invocation, "Too many calls wait for their turn.")
            return
        task = asyncio.create_task(self._call(invocation, call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, invocation: Invocation, call: Call) -> None:
        try:
            async with nullcontext() if call.method.urgent else self._turns:
                await call.run()
        except AnswerFailed as failure:
            self._fail(invocation, failure.message, failure.said)
        except Exception as unhandled:
            _log.error("unhandled_exception", error=type(unhandled).__name__)
            self._fail(invocation, SORRY)
        else:
            self._complete(invocation, None)

    def _fail(self, invocation: Invocation, error: str, said: str = "") -> None:
        """Answer a call that failed. The app shows messages alone, so it gets the error as one."""
        # Each message holds the whole text so far: what was said stays.
        self._hub.tell(f"{said}\n\n{error}" if said else error)
        self._complete(invocation, error)

    def _complete(self, invocation: Invocation, error: str | None) -> None:
        if invocation.id is not None:
            self._put(protocol.completion(invocation.id, error))

    # Writing

    def _send_message(self, message: dict[str, Any], about: object) -> None:
        self._put(protocol.receive_message(message), about)

    def _put(self, record: str, about: object = None) -> None:
        try:
            self._outbox.put(record, about)
        except Overflow:
            self.end(SLOW)

    async def _write(self) -> None:
        try:
            while (record := await self._next_record()) is not None:
                await self._websocket.send_text(record)
        except GONE:
            self.end(LEFT)

    async def _next_record(self) -> str | None:
        """What waits, or a ping when nothing does; None after the last."""
        while True:
            try:
                async with asyncio.timeout(self._limits.ping_seconds):
                    return await self._outbox.get()
            except TimeoutError:
                # The first thing that a client is told is the answer to its handshake.
                if self._greeted:
                    return protocol.PING_RECORD
