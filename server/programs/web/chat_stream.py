"""A conversation: the gRPC stream behind a connection, opened when it is first needed."""

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

from server.programs.web.chat_client import (
    INTERNAL,
    ApiError,
    Chat,
    from_rpc_error,
    internal_error,
    unavailable,
)

Show: TypeAlias = Callable[[ai_pb2.ChatResponse], None]

_STOP = ai_pb2.ChatRequest(stop=ai_pb2.StopInProgress())

_log = structlog.get_logger("web")


class AnswerFailed(Exception):
    """An answer that is incomplete. `message` is for people; `text` is what came before."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.text = text


@dataclass
class _Answer:
    """A pending answer: `show` receives its responses; `text` is its text so far."""

    show: Show
    text: str = ""
    done: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Conversation:
    """Sends requests and passes the answers on, in the order of the requests.

    `open_chat` opens the stream. `on_history_lost` is called when a stream ends after at least one
    response: the next stream does not know what was said.
    """

    def __init__(self, open_chat: Callable[[], Chat], on_history_lost: Callable[[], None]) -> None:
        self._open_chat = open_chat
        self._on_history_lost = on_history_lost
        self._has_history = False
        # Repeated on each new stream.
        self._introduction: ai_pb2.Introduction | None = None
        self._chat: Chat | None = None
        # Set when no more requests are accepted.
        self._end_error: ApiError | None = None
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        # The first is in flight.
        self._answers: deque[_Answer] = deque()
        # Requests of concurrent calls must not interleave.
        self._send_lock = asyncio.Lock()

    async def ask(self, request: ai_pb2.ChatRequest, show: Show) -> None:
        """Return when the whole answer was shown or stopped. Raises AnswerFailed."""
        async with self._send_lock:
            answer = await self._start_answer(request, show)
        await answer.done

    async def restart(self, request: ai_pb2.ChatRequest, show: Show) -> None:
        """Stop the answer in flight, then ask. Raises AnswerFailed."""
        async with self._send_lock:
            if self._answers and self._chat:
                await self._send(self._chat, _STOP)
            answer = await self._start_answer(request, show)
        await answer.done

    async def stop(self) -> None:
        """Stop the answer in flight and wait for its end."""
        async with self._send_lock:
            if not self._answers or not self._chat:
                return
            answer = self._answers[0]
            await self._send(self._chat, _STOP)
        await asyncio.wait([answer.done])

    def close(self) -> None:
        """End the conversation and cancel its answers."""
        self._cancel_stream()
        self._fail_all(None)

    def abort(self) -> None:
        """End the conversation; its answers, in flight or waiting, fail with a message."""
        self._end_error = unavailable()
        self._cancel_stream()
        self._fail_all(self._end_error)

    def _cancel_stream(self) -> None:
        if self._writer:
            self._writer.cancel()
        if self._chat:
            self._chat.cancel()
        if self._reader:
            self._reader.cancel()

    async def _start_answer(self, request: ai_pb2.ChatRequest, show: Show) -> _Answer:
        _require_valid(request)
        if self._end_error:
            raise AnswerFailed(self._end_error.message)
        if self._chat is None:
            self._chat = self._open_chat()
            self._reader = asyncio.create_task(self._read(self._chat))
            if self._introduction:
                request.introduction.CopyFrom(self._introduction)
        if request.HasField("introduce"):
            self._introduction = request.introduce
        answer = _Answer(show)
        self._answers.append(answer)
        await self._send(self._chat, request)
        return answer

    async def _send(self, chat: Chat, request: ai_pb2.ChatRequest) -> None:
        """Return when the request is sent or the stream has ended."""
        # A task of its own, because gRPC's write may hang on a call that was cancelled early.
        self._writer = asyncio.create_task(_write(chat, request))
        await asyncio.wait({self._writer})
        if not self._writer.cancelled():
            self._writer.result()

    async def _read(self, chat: Chat) -> None:
        """Pass on the responses until the stream ends, then fail the pending answers."""
        try:
            async for response in chat:
                self._on_response(response)
            error = unavailable()
        except aio.AioRpcError as rpc_error:
            error = from_rpc_error(rpc_error)
        except Exception as unhandled:
            # Its text may quote the conversation.
            _log.error("unhandled_exception", error=type(unhandled).__name__)
            error = internal_error()
        chat.cancel()
        self._chat = None
        self._fail_all(error)
        if self._has_history:
            self._on_history_lost()

    def _on_response(self, response: ai_pb2.ChatResponse) -> None:
        self._has_history = True
        if not self._answers:
            return
        answer = self._answers[0]
        answer.text = response.message or answer.text
        answer.show(response)
        if response.WhichOneof("event") != "end":
            return
        self._answers.popleft()
        if answer.done.done():
            return
        if response.end.reason == ai_pb2.ChatEnd.REASON_FAILED:
            answer.done.set_exception(AnswerFailed(_message(response.end.error), answer.text))
        else:
            answer.done.set_result(None)

    def _fail_all(self, error: ApiError | None) -> None:
        while self._answers:
            answer = self._answers.popleft()
            if error is None:
                answer.done.cancel()
            elif not answer.done.done():
                answer.done.set_exception(AnswerFailed(error.message, answer.text))


def _require_valid(request: ai_pb2.ChatRequest) -> None:
    """Raise AnswerFailed for an invalid request, for which the API would end the stream."""
    for violation in protovalidate.collect_violations(request):
        elements = violation.proto.field.elements if violation.proto.field else ()
        field = " ".join(element.field_name for element in elements[-1:]).replace("_", " ")
        raise AnswerFailed(f"The {field or 'request'} {violation.proto.message}.")


async def _write(chat: Chat, request: ai_pb2.ChatRequest) -> None:
    # The reader gets the error of a stream that has ended.
    with suppress(aio.AioRpcError, asyncio.InvalidStateError):
        await chat.write(request)


def _message(error: status_pb2.Status) -> str:
    return error.message or INTERNAL
