"""One conversation: the gRPC stream behind a connection, opened when it is first needed."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import protovalidate
import structlog
from google.rpc import status_pb2
from grpc import aio
from gymlocker.v2 import ai_pb2

from server.programs.web.chat_client import SORRY, Chat, Refused, failed, refused, unavailable

Show: TypeAlias = Callable[[ai_pb2.ChatResponse], None]

_STOP = ai_pb2.ChatRequest(stop=ai_pb2.StopInProgress())

_log = structlog.get_logger("web")


class AnswerFailed(Exception):
    """There is no whole answer; `message` is a sentence for people, `said` what came before."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.said = said


@dataclass
class _Answer:
    """An answer that is awaited: `show` gets its pieces, its end too; `said` is its text so far."""

    show: Show
    said: str = ""
    over: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Conversation:
    """Asks, and hands on what is answered. Answers come in the order of what was asked.

    `begin` opens the stream; `forgotten` is called when one ends in which something was answered:
    what was said is not known any more.
    """

    def __init__(self, begin: Callable[[], Chat], forgotten: Callable[[], None]) -> None:
        self._begin = begin
        self._forgotten = forgotten
        self._answered = False
        # How to talk with the person, which each stream has to be told.
        self._introduction: ai_pb2.Introduction | None = None
        self._chat: Chat | None = None
        self._writing: asyncio.Task[None] | None = None
        # Why nothing more is asked.
        self._over: Refused | None = None
        self._listening: asyncio.Task[None] | None = None
        # The first is under way.
        self._answers: deque[_Answer] = deque()
        # What is said by two calls must not mix.
        self._speaking = asyncio.Lock()

    async def ask(self, request: ai_pb2.ChatRequest, show: Show) -> None:
        """Returns when the whole answer was shown, or was stopped. Raises AnswerFailed."""
        async with self._speaking:
            answer = await self._asked(request, show)
        await answer.over

    async def restart(self, request: ai_pb2.ChatRequest, show: Show) -> None:
        """The same, but nobody waits for the answer that is under way."""
        async with self._speaking:
            if self._answers and self._chat:
                await self._send(self._chat, _STOP)
            answer = await self._asked(request, show)
        await answer.over

    async def stop(self) -> None:
        """Stops the answer that is under way; returns when nothing more comes of it."""
        async with self._speaking:
            if not self._answers or not self._chat:
                return
            answer = self._answers[0]
            await self._send(self._chat, _STOP)
        await asyncio.wait([answer.over])

    def close(self) -> None:
        """Ends it at once."""
        self._hang_up()
        self._fail_all(None)

    def break_off(self) -> None:
        """End it, and let the calls in flight, and those that wait, fail with a sentence."""
        self._over = unavailable()
        self._hang_up()
        self._fail_all(self._over)

    def _hang_up(self) -> None:
        if self._writing:
            self._writing.cancel()
        if self._chat:
            self._chat.cancel()
        if self._listening:
            self._listening.cancel()

    async def _asked(self, request: ai_pb2.ChatRequest, show: Show) -> _Answer:
        _require_valid(request)
        if self._over:
            raise AnswerFailed(self._over.message)
        if self._chat is None:
            self._chat = self._begin()
            self._listening = asyncio.create_task(self._listen(self._chat))
            if self._introduction:
                # What one stream knew, the next does not.
                request.introduction.CopyFrom(self._introduction)
        if request.HasField("introduce"):
            self._introduction = request.introduce
        answer = _Answer(show)
        self._answers.append(answer)
        await self._send(self._chat, request)
        return answer

    async def _send(self, chat: Chat, request: ai_pb2.ChatRequest) -> None:
        """Return when it is sent, or the stream is over."""
        # A task of its own: gRPC's, of a call that is cancelled early, may wait for ever.
        self._writing = asyncio.create_task(_sent(chat, request))
        await asyncio.wait({self._writing})
        if not self._writing.cancelled():
            self._writing.result()

    async def _listen(self, chat: Chat) -> None:
        """Hands on what the stream says until it ends; then whoever waits is told."""
        try:
            async for response in chat:
                self._on_response(response)
            end = unavailable()
        except aio.AioRpcError as error:
            end = refused(error)
        except Exception as error:
            # Its text may quote what was said.
            _log.error("unhandled_exception", error=type(error).__name__)
            end = failed()
        chat.cancel()
        self._chat = None
        self._fail_all(end)
        if self._answered:
            self._forgotten()

    def _on_response(self, response: ai_pb2.ChatResponse) -> None:
        self._answered = True
        if not self._answers:
            return
        answer = self._answers[0]
        answer.said = response.message or answer.said
        answer.show(response)
        if response.WhichOneof("event") != "end":
            return
        self._answers.popleft()
        if answer.over.done():
            return
        if response.end.reason == ai_pb2.ChatEnd.REASON_FAILED:
            answer.over.set_exception(AnswerFailed(_sentence(response.end.error), answer.said))
        else:
            answer.over.set_result(None)

    def _fail_all(self, end: Refused | None) -> None:
        while self._answers:
            answer = self._answers.popleft()
            if end is None:
                answer.over.cancel()
            elif not answer.over.done():
                answer.over.set_exception(AnswerFailed(end.message, answer.said))


def _require_valid(request: ai_pb2.ChatRequest) -> None:
    """Raises AnswerFailed for what would make the API end the stream."""
    for violation in protovalidate.collect_violations(request):
        elements = violation.proto.field.elements if violation.proto.field else ()
        field = " ".join(element.field_name for element in elements[-1:]).replace("_", " ")
        raise AnswerFailed(f"The {field or 'request'} {violation.proto.message}.")


async def _sent(chat: Chat, request: ai_pb2.ChatRequest) -> None:
    # A stream that is over says so to whoever listens.
    with suppress(aio.AioRpcError, asyncio.InvalidStateError):
        await chat.write(request)


def _sentence(error: status_pb2.Status) -> str:
    return error.message or SORRY
