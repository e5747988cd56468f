"""Conversation with the planner that lasts as long as its stream.

Requests are read while an answer streams: a `stop` ends that answer at once, a `restart` also
clears the history, and a message waits until the answers before it have ended.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

from gymlocker.v2 import ai_pb2

from server.errors import GymlockerError, ResourceExhausted
from server.libraries.rpc.errors import status_of
from server.services.ai.chat_session import ChatSession, chat_end
from server.services.ai.planner.planner import ChatMessage, recent

MAX_WAITING = 20

Responses = AsyncGenerator[ai_pb2.ChatResponse]


@dataclass(frozen=True, slots=True)
class _Pending:
    """A request that is being answered or waits for it. `stop` ends its answer."""

    request: ai_pb2.ChatRequest
    stop: asyncio.Event = field(default_factory=asyncio.Event)


class Conversation:
    """The history of a conversation, and its pending requests."""

    def __init__(self, session: ChatSession) -> None:
        self._session = session
        self._introduction = ai_pb2.Introduction()
        self._history: list[ChatMessage] = []
        # The first one is being answered.
        self._pending: deque[_Pending] = deque()
        self._changed = asyncio.Event()

    async def run(self, requests: AsyncIterator[ai_pb2.ChatRequest]) -> Responses:
        """Answer `requests` until they end or the stream does."""
        reader = asyncio.create_task(self._read(requests))
        try:
            while self._pending or not reader.done():
                if not self._pending:
                    await self._changed.wait()
                    self._changed.clear()
                    continue
                async with aclosing(self._reply(self._pending[0])) as responses:
                    async for response in responses:
                        yield response
                self._pending.popleft()
            # Raises the error of an invalid request.
            await reader
        finally:
            reader.cancel()
            await asyncio.wait({reader})

    async def _read(self, requests: AsyncIterator[ai_pb2.ChatRequest]) -> None:
        try:
            async for request in requests:
                self._on_request(request)
                self._changed.set()
        finally:
            self._changed.set()

    def _on_request(self, request: ai_pb2.ChatRequest) -> None:
        match request.WhichOneof("event"):
            case "stop":
                for pending in list(self._pending)[:1]:
                    pending.stop.set()
                return
            case "restart":
                for pending in self._pending:
                    pending.stop.set()
        if len(self._pending) > MAX_WAITING:
            raise ResourceExhausted(
                "Too many messages wait for an answer. Send the next one after an answer.",
                reason="TOO_MANY_MESSAGES",
                retry_after=1,
            )
        self._pending.append(_Pending(request))

    async def _reply(self, pending: _Pending) -> Responses:
        """Stream the answer to one request, with its end. An error ends only the answer."""
        self._apply(pending.request)
        text, plan = "", None
        try:
            async with aclosing(self._until_stopped(pending.stop)) as responses:
                async for response in responses:
                    text = response.message or text
                    plan = response.plan if response.HasField("plan") else plan
                    yield response
        except GymlockerError as error:
            yield chat_end(ai_pb2.ChatEnd.REASON_FAILED, status_of(error))
            return
        finally:
            if text or plan:
                self._remember(ChatMessage("assistant", text, plan))
        is_stopped = pending.stop.is_set()
        reason = ai_pb2.ChatEnd.REASON_STOPPED if is_stopped else ai_pb2.ChatEnd.REASON_COMPLETE
        yield chat_end(reason)

    def _apply(self, request: ai_pb2.ChatRequest) -> None:
        """Update the introduction and the history."""
        if request.HasField("introduction"):
            self._introduction = request.introduction
        match request.WhichOneof("event"):
            case "introduce":
                self._introduction = request.introduce
                self._history.clear()
            case "restart":
                self._history.clear()
            case "message":
                self._remember(ChatMessage("user", request.message.text))

    def _remember(self, message: ChatMessage) -> None:
        self._history = recent([*self._history, message])

    async def _until_stopped(self, stop: asyncio.Event) -> Responses:
        """Stream the answer until it is complete or stopped."""
        if stop.is_set():
            return
        responses = self._session.reply(self._history, self._introduction)
        stopped = asyncio.create_task(stop.wait())
        try:
            async with aclosing(responses):
                while (response := await _next(responses, stopped)) is not None:
                    yield response
        finally:
            stopped.cancel()


async def _next(responses: Responses, stopped: asyncio.Task[bool]) -> ai_pb2.ChatResponse | None:
    """Return the next response, or None at the end or when stopped."""
    response = asyncio.ensure_future(anext(responses, None))
    try:
        await asyncio.wait({response, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return None if stopped.done() else response.result()
    finally:
        if not response.done():
            # Only then can the generator be closed, and with it the connection to the model.
            response.cancel()
            await asyncio.wait({response})
