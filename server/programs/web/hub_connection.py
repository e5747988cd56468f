"""A SignalR connection, from the handshake to its end.

One task reads and one writes; each call by the client is another task. The connection ends with an
`Ending`, and its conversation ends at the same time.
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
from server.programs.web.chat_client import INTERNAL, Chat
from server.programs.web.chat_stream import AnswerFailed, Conversation
from server.programs.web.connection_limits import Limits
from server.programs.web.hubs import Call, Hub, InvalidCall
from server.programs.web.protocol import Invocation, Malformed, Records
from server.programs.web.send_queue import Overflow, SendQueue

_log = structlog.get_logger("web")

NORMAL, GOING_AWAY, PROTOCOL_ERROR, TOO_LARGE, INTERNAL_ERROR = 1000, 1001, 1002, 1009, 1011

# Raised by reading and writing once the client has disconnected.
GONE = (WebSocketDisconnect, WebSocketDisconnected, OSError)


@dataclass(frozen=True)
class Ending:
    """The reason for which a connection ends.

    `name` is for logs and metrics. `code` is the WebSocket close code, or None if the client has
    already disconnected. The close message carries `error` and `allow_reconnect`.
    """

    name: str
    code: int | None
    error: str | None = None
    allow_reconnect: bool = False


LEFT = Ending("left", None)
SENT_TOO_MUCH = Ending("sent too much", None)
CLOSED_BY_CLIENT = Ending("left", NORMAL)
LATE_HANDSHAKE = Ending("no handshake", PROTOCOL_ERROR, "The handshake timed out.")
SILENT = Ending("silent", NORMAL, "The client sent nothing for too long.", allow_reconnect=True)
SLOW = Ending("slow", NORMAL, "The client reads too slowly.", allow_reconnect=True)
HISTORY_LOST = Ending(
    "broke off", NORMAL, "The conversation was interrupted.", allow_reconnect=True
)
STOPPED = Ending("stopped", GOING_AWAY, allow_reconnect=True)
UNHANDLED = Ending("unhandled_exception", INTERNAL_ERROR, INTERNAL)


class Connection:
    """A connection that carries one conversation. `open_chat` opens the stream behind it."""

    def __init__(
        self,
        websocket: WebSocket,
        hub: type[Hub],
        open_chat: Callable[[], Chat],
        limits: Limits,
        today: Callable[[], date],
    ) -> None:
        self._websocket = websocket
        self._limits = limits
        self._queue = SendQueue(limits.unsent_bytes)
        self._records = Records(limits.record_bytes)
        self._conversation = Conversation(open_chat, lambda: self.end(HISTORY_LOST))
        self._hub = hub(self._conversation, self._send_message, today)
        self._handshake_done = False
        self._calls: set[asyncio.Task[None]] = set()
        self._call_slots = asyncio.Semaphore(limits.calls)
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    async def run(self) -> Ending:
        """Serve the connection until it ends, and return how it ended."""
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        try:
            ending = await self._ending
            if ending is STOPPED and self._calls:
                self._conversation.abort()
                await asyncio.wait(self._calls, timeout=self._limits.shutdown_seconds)
            self._cancel_calls()
            await self._close(ending, writer)
            return ending
        finally:
            self._cancel_calls()
            reader.cancel()
            writer.cancel()

    def end(self, ending: Ending) -> None:
        """End the connection, unless it is already ending."""
        if not self._ending.done():
            self._ending.set_result(ending)

    def _cancel_calls(self) -> None:
        for call in self._calls:
            call.cancel()
        self._conversation.close()

    async def _close(self, ending: Ending, writer: asyncio.Task[None]) -> None:
        if ending.code is None:
            return
        if ending is SLOW:
            self._queue.clear()
        self._queue.close(self._last_record(ending))
        with suppress(TimeoutError, *GONE):
            async with asyncio.timeout(self._limits.shutdown_seconds):
                await writer
                await self._websocket.close(ending.code)

    def _last_record(self, ending: Ending) -> str | None:
        if self._handshake_done:
            return protocol.close(ending.error, allow_reconnect=ending.allow_reconnect)
        return protocol.handshake_response(ending.error) if ending.error else None

    # Reading

    async def _read(self) -> None:
        try:
            ending = await self._read_records()
        except Malformed as error:
            ending = Ending("malformed", PROTOCOL_ERROR, str(error))
        except WebSocketDisconnect as error:
            ending = SENT_TOO_MUCH if error.code == TOO_LARGE else LEFT
        except Exception as error:
            # Its text may quote the conversation.
            _log.error("unhandled_exception", error=type(error).__name__)
            ending = UNHANDLED
        self.end(ending)

    async def _read_records(self) -> Ending:
        try:
            async with asyncio.timeout(self._limits.handshake_seconds):
                while not (records := await self._receive()):
                    pass
        except TimeoutError:
            return LATE_HANDSHAKE
        if error := protocol.handshake_error(records[0]):
            return Ending("wrong handshake", PROTOCOL_ERROR, error)
        self._handshake_done = True
        self._put(protocol.handshake_response(None))
        del records[0]
        while not any(self._handle(record) for record in records):
            try:
                async with asyncio.timeout(self._limits.client_seconds):
                    records = await self._receive()
            except TimeoutError:
                return SILENT
        return CLOSED_BY_CLIENT

    async def _receive(self) -> list[str]:
        """Return the records that the next frame completes."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        if text is None:
            try:
                text = message["bytes"].decode()
            except UnicodeDecodeError:
                raise Malformed("A frame is not UTF-8 text.") from None
        return list(self._records.feed(text))

    def _handle(self, record: str) -> bool:
        """Handle a record, and return whether it is the client's last."""
        message = protocol.parse(record)
        match protocol.type_of(message):
            case protocol.INVOCATION | protocol.STREAM_INVOCATION:
                self._invoke(protocol.invocation_of(message))
            case protocol.CLOSE:
                return True
        # Pings need no reply. Streaming is not supported.
        return False

    # Calls

    def _invoke(self, invocation: Invocation) -> None:
        try:
            call = self._hub.bind(invocation)
        except InvalidCall as error:
            self._fail(invocation, str(error))
            return
        if len(self._calls) >= self._limits.calls + self._limits.waiting_calls:
            self._fail(invocation, "Too many calls are waiting. Try again later.")
            return
        task = asyncio.create_task(self._call(invocation, call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, invocation: Invocation, call: Call) -> None:
        try:
            async with nullcontext() if call.method.urgent else self._call_slots:
                await call.run()
        except AnswerFailed as failure:
            self._fail(invocation, failure.message, failure.text)
        except Exception as unhandled:
            _log.error("unhandled_exception", error=type(unhandled).__name__)
            self._fail(invocation, INTERNAL)
        else:
            self._complete(invocation, None)

    def _fail(self, invocation: Invocation, error: str, text: str = "") -> None:
        """Complete a call with an error, also sent as a message: apps show only messages."""
        # A message replaces the whole text so far, so it repeats it.
        self._hub.show_text(f"{text}\n\n{error}" if text else error)
        self._complete(invocation, error)

    def _complete(self, invocation: Invocation, error: str | None) -> None:
        if invocation.id is not None:
            self._put(protocol.completion(invocation.id, error))

    # Writing

    def _send_message(self, message: dict[str, Any], key: object) -> None:
        self._put(protocol.receive_message(message), key)

    def _put(self, record: str, key: object = None) -> None:
        try:
            self._queue.put(record, key)
        except Overflow:
            self.end(SLOW)

    async def _write(self) -> None:
        try:
            while (record := await self._next_record()) is not None:
                await self._websocket.send_text(record)
        except GONE:
            self.end(LEFT)

    async def _next_record(self) -> str | None:
        """Return the next record, or a ping after an idle interval; None after the last."""
        while True:
            try:
                async with asyncio.timeout(self._limits.ping_seconds):
                    return await self._queue.get()
            except TimeoutError:
                # The handshake response must come first.
                if self._handshake_done:
                    return protocol.PING_RECORD
