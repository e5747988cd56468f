"""Client of the language model: a request, its streamed completion, retries and timeouts.

The protocol is OpenAI's chat completions, which Ollama, vLLM and llama.cpp also implement.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import openai
import structlog
from openai.types.chat import ChatCompletionChunk

from server.libraries.rpc.context import calling_network
from server.libraries.settings import PlannerSettings
from server.services.ai.planner.completion import Completion, error_fields
from server.services.ai.planner.errors import (
    model_failed,
    model_unavailable,
    not_configured,
    overloaded,
)

Message = dict[str, Any]
Stream = openai.AsyncStream[ChatCompletionChunk]

_log = structlog.get_logger("planner")

_WRITE_TIMEOUT = 10.0
_NO_KEY = "-"
# Raised for responses of a server that does not implement OpenAI's protocol.
_MALFORMED = (ValueError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """Timeouts and pauses in seconds, and the number of attempts."""

    connect_timeout: float = 5
    # Applies after the first chunk, before which a self-hosted model may need the total timeout.
    chunk_timeout: float = 60
    total_timeout: float = 180
    max_attempts: int = 3
    # Before the second attempt. It doubles before each later one.
    backoff: float = 0.5
    # If the provider demands a longer pause, there is no further attempt.
    max_retry_after: float = 10
    # Between two updates of a growing completion.
    update_pause: float = 0.05


class LLMClient:
    """Client of one language model."""

    def __init__(
        self,
        settings: PlannerSettings,
        options: RequestOptions,
        on_usage: Callable[[int, int], None],
    ) -> None:
        key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
        self._options = options
        self._on_usage = on_usage
        self._settings = settings
        self._in_flight: Counter[str] = Counter()
        self._client = openai.AsyncOpenAI(
            api_key=key or _NO_KEY,
            base_url=settings.openai_base_url,
            # This class retries: a completion that has begun must not be requested again.
            max_retries=0,
            timeout=httpx2.Timeout(
                connect=options.connect_timeout,
                read=options.total_timeout,
                write=_WRITE_TIMEOUT,
                pool=options.connect_timeout,
            ),
        )
        self._is_openai = _is_openai(settings.openai_base_url)
        # OpenAI's newer models call functions only with reasoning turned off, but its older ones
        # reject the parameter. The first rejection tells which kind it is.
        self._sends_effort = self._is_openai

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def deadline(self) -> float:
        """Return the deadline of an answer that begins now, on the event loop's clock."""
        return asyncio.get_running_loop().time() + self._options.total_timeout

    async def stream(
        self, messages: list[Message], tool: Message, *, forced: bool, deadline: float
    ) -> AsyncGenerator[Completion]:
        """Yield the growing completion after each chunk. Close it (`aclosing`) to hang up.

        `forced` makes the model call the tool. Raises FailedPrecondition without a model, and
        Unavailable with the reason OVERLOADED for too many completions in flight,
        MODEL_UNAVAILABLE if nothing came, or MODEL_FAILED if the completion was interrupted.
        """
        request = self._request(messages, tool, forced=forced)
        with self._slot():
            stream, first = await self._open(request, deadline)
            async with aclosing(self._read(stream, first, deadline)) as completions:
                async for completion in completions:
                    yield completion

    async def _read(
        self, stream: Stream, first: ChatCompletionChunk, deadline: float
    ) -> AsyncGenerator[Completion]:
        chunk: ChatCompletionChunk | None = first
        completion = Completion()
        async with stream:
            while chunk is not None:
                try:
                    completion.add(chunk)
                except _MALFORMED as error:
                    raise _interrupted(error) from None
                yield completion
                try:
                    async with asyncio.timeout_at(self._chunk_deadline(deadline)):
                        chunk = await _next(stream)
                except (openai.OpenAIError, TimeoutError, *_MALFORMED) as error:
                    raise _interrupted(error) from None
        self._on_usage(completion.tokens_in, completion.tokens_out)
        _log.info("completion_finished", **completion.log_fields())

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Hold a slot for a completion in flight. No network gets more than half of them."""
        if not self._settings.has_model:
            raise not_configured()
        network, slots = calling_network(), self._settings.ai_streams
        share = max(1, slots // 2)
        if self._in_flight.total() >= slots or self._in_flight[network] >= share:
            raise overloaded()
        self._in_flight[network] += 1
        try:
            yield
        finally:
            self._in_flight -= Counter([network])

    def _chunk_deadline(self, deadline: float) -> float:
        return min(deadline, asyncio.get_running_loop().time() + self._options.chunk_timeout)

    def _request(self, messages: list[Message], tool: Message, *, forced: bool) -> dict[str, Any]:
        # OpenAI's own models require the first name of the limit, most other servers the second.
        limit = "max_completion_tokens" if self._is_openai else "max_tokens"
        return {
            "model": self._settings.openai_model,
            "messages": messages,
            "tools": [tool],
            "tool_choice": "required" if forced else "auto",
            # Schemas are strict only without parallel calls.
            "parallel_tool_calls": False,
            "stream_options": {"include_usage": True},
            limit: self._settings.ai_most_tokens,
        }

    async def _open(
        self, request: dict[str, Any], deadline: float
    ) -> tuple[Stream, ChatCompletionChunk]:
        """Return the stream and its first chunk, after retries if necessary."""
        attempt = 1
        while True:
            sends_effort = self._sends_effort
            if sends_effort:
                request["reasoning_effort"] = "none"
            else:
                request.pop("reasoning_effort", None)
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._attempt(request)
            except (openai.OpenAIError, TimeoutError, *_MALFORMED) as error:
                if sends_effort and _is_about_effort(error):
                    self._sends_effort = False
                    continue
                delay = self._retry_delay(error, attempt)
                if delay is None:
                    _log_unavailable(error, attempt)
                    raise model_unavailable() from None
            await asyncio.sleep(delay)
            attempt += 1

    async def _attempt(self, request: dict[str, Any]) -> tuple[Stream, ChatCompletionChunk]:
        stream = cast(Stream, await self._client.chat.completions.create(**request, stream=True))
        try:
            chunk = await _next(stream)
            if chunk is None:
                raise ValueError("an empty stream")
        except BaseException:
            await stream.close()
            raise
        return stream, chunk

    def _retry_delay(self, error: Exception, attempt: int) -> float | None:
        """Return the seconds until the next attempt, or None if there must not be one."""
        if attempt >= self._options.max_attempts or not _is_transient(error):
            return None
        backoff: float = self._options.backoff * 2 ** (attempt - 1)
        delay = _retry_after(error)
        if delay is None:
            # Jitter: requests that failed together should not be retried together.
            return backoff * (0.5 + random.random())
        return delay if delay <= self._options.max_retry_after else None


async def _next(stream: Stream) -> ChatCompletionChunk | None:
    """Return the next chunk, or None at the end of the stream."""
    try:
        return await anext(stream)
    except StopAsyncIteration:
        return None


def _is_openai(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host.endswith((".openai.com", ".azure.com"))


def _is_about_effort(error: Exception) -> bool:
    return isinstance(error, openai.BadRequestError) and "reasoning_effort" in str(error)


def _is_transient(error: Exception) -> bool:
    """Check whether a retry may succeed, and the failed attempt was free of charge."""
    if isinstance(error, openai.APIStatusError):
        quota_used_up = error.code == "insufficient_quota"
        return (error.status_code == 429 and not quota_used_up) or error.status_code >= 500
    if isinstance(error, openai.APITimeoutError):
        # Once connected, the model may be working.
        return isinstance(error.__cause__, httpx2.ConnectTimeout | httpx2.PoolTimeout)
    return isinstance(error, openai.APIConnectionError)


def _retry_after(error: Exception) -> float | None:
    """Return the seconds in the response's `Retry-After`, or None if there are none."""
    if not isinstance(error, openai.APIStatusError):
        return None
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if seconds >= 0 else None


def _log_unavailable(error: Exception, attempts: int) -> None:
    """Log why there is no completion, as an error if only the operator can change that."""
    is_warning = not isinstance(error, openai.APIStatusError) or _is_transient(error)
    log = _log.warning if is_warning else _log.error
    log("model_unavailable", attempts=attempts, **error_fields(error))


def _interrupted(error: Exception) -> Exception:
    _log.warning("completion_interrupted", **error_fields(error))
    return model_failed()
