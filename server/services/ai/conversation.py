"""A conversation with the model, for as long as a stream lives.

What the person says comes in while an answer goes out: a `stop` ends that answer at once, a
`restart` does too and forgets what was said, and a message waits for its turn.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

from gymlocker.v2 import ai_pb2

from server.errors import GymlockerError, ResourceExhausted
from server.libraries.rpc.errors import status_of
from server.services.ai.answer import ChatSession, ended
from server.services.ai.planner.planner import Turn, recent

# Messages that may wait for their turn.
MAX_WAITING = 20

Responses = AsyncGenerator[ai_pb2.ChatResponse]


@dataclass(frozen=True)
class _Asked:
    """A request that is, or will be, answered; `stop` is set when nobody wants the answer."""

    request: ai_pb2.ChatRequest
    stop: asyncio.Event = field(default_factory=asyncio.Event)


class Conversation:
    """What was said so far, and what waits to be answered."""

    def __init__(self, speaker: ChatSession) -> None:
        self._speaker = speaker
        self._introduction = ai_pb2.Introduction()
        self._history: list[Turn] = []
        # The first is being answered.
        self._asked: deque[_Asked] = deque()
        self._more = asyncio.Event()

    async def run(self, requests: AsyncIterator[ai_pb2.ChatRequest]) -> Responses:
        """Answers `requests` until they end, or the stream does."""
        listening = asyncio.create_task(self._listen(requests))
        try:
            while self._asked or not listening.done():
                if not self._asked:
                    await self._more.wait()
                    self._more.clear()
                    continue
                async with aclosing(self._answered(self._asked[0])) as responses:
                    async for response in responses:
                        yield response
                self._asked.popleft()
            # Raises what was wrong with a request.
            await listening
        finally:
            listening.cancel()
            await asyncio.wait({listening})

    async def _listen(self, requests: AsyncIterator[ai_pb2.ChatRequest]) -> None:
        try:
            async for request in requests:
                self._hear(request)
                self._more.set()
        finally:
            self._more.set()

    def _hear(self, request: ai_pb2.ChatRequest) -> None:
        match request.WhichOneof("event"):
            case "stop":
                for asked in list(self._asked)[:1]:
                    asked.stop.set()
                return
            case "restart":
                for asked in self._asked:
                    asked.stop.set()
        if len(self._asked) > MAX_WAITING:
            raise ResourceExhausted(
                "Too many messages wait for an answer.", reason="TOO_MANY_MESSAGES", retry_after=1
            )
        self._asked.append(_Asked(request))

    async def _answered(self, asked: _Asked) -> Responses:
        """The answer to one request, its end included; an error ends the answer, not the stream."""
        self._take_in(asked.request)
        said, plan = "", None
        try:
            async with aclosing(self._until_stopped(asked.stop)) as responses:
                async for response in responses:
                    said = response.message or said
                    plan = response.plan if response.HasField("plan") else plan
                    yield response
        except GymlockerError as error:
            yield ended(ai_pb2.ChatEnd.REASON_FAILED, status_of(error))
            return
        finally:
            if said or plan:
                self._keep(Turn("assistant", said, plan))
        stopped = asked.stop.is_set()
        reason = ai_pb2.ChatEnd.REASON_STOPPED if stopped else ai_pb2.ChatEnd.REASON_COMPLETE
        yield ended(reason)

    def _take_in(self, request: ai_pb2.ChatRequest) -> None:
        if request.HasField("introduction"):
            self._introduction = request.introduction
        match request.WhichOneof("event"):
            case "introduce":
                self._introduction = request.introduce
                self._history.clear()
            case "restart":
                self._history.clear()
            case "message":
                self._keep(Turn("user", request.message.text))

    def _keep(self, turn: Turn) -> None:
        self._history = recent([*self._history, turn])

    async def _until_stopped(self, stop: asyncio.Event) -> Responses:
        """The answer until it is complete, or until nobody wants more of it."""
        if stop.is_set():
            return
        answer = self._speaker.answer(self._history, self._introduction)
        stopped = asyncio.create_task(stop.wait())
        try:
            async with aclosing(answer):
                while (piece := await _next(answer, stopped)) is not None:
                    yield piece
        finally:
            stopped.cancel()


async def _next(answer: Responses, stopped: asyncio.Task[bool]) -> ai_pb2.ChatResponse | None:
    """The next piece of an answer; None if there is none, or if it is stopped before."""
    piece = asyncio.ensure_future(anext(answer, None))
    try:
        await asyncio.wait({piece, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return None if stopped.done() else piece.result()
    finally:
        if not piece.done():
            # The answer can be closed, and with it the model's connection, when this is over.
            piece.cancel()
            await asyncio.wait({piece})
