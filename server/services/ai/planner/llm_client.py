"""The line to the language model: one request, its answer in a stream, and all that can go wrong.

Spoken is OpenAI's chat completions, which Ollama, vLLM and llama.cpp speak as well.
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
from server.services.ai.planner.completion import Answer, described
from server.services.ai.planner.errors import model_failed, not_configured, out_of_reach, overloaded

Message = dict[str, Any]
Stream = openai.AsyncStream[ChatCompletionChunk]

_log = structlog.get_logger("planner")

_WRITE_SECONDS = 10.0
_NO_KEY = "-"
# What a server says that does not speak as OpenAI's does.
_GIBBERISH = (ValueError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Limits:
    """How long to wait for the model, in seconds, and how often to try."""

    connect: float = 5
    # After the first, for which a model of one's own may take as long as for the whole.
    between_chunks: float = 60
    whole_answer: float = 180
    attempts: int = 3
    # Before the second attempt; twice as long before each later one.
    backoff: float = 0.5
    # If the provider says to wait for longer, nobody waits.
    longest_wait: float = 10
    # Between two looks at an answer that grows.
    pause: float = 0.05


class Model:
    """A language model somewhere."""

    def __init__(
        self, settings: PlannerSettings, limits: Limits, used: Callable[[int, int], None]
    ) -> None:
        key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
        self._configured = settings.has_model
        self._limits = limits
        self._used = used
        self._settings = settings
        self._in_flight: Counter[str] = Counter()
        self._client = openai.AsyncOpenAI(
            api_key=key or _NO_KEY,
            base_url=settings.openai_base_url,
            # Attempts are counted here: an answer that has begun is never asked for again.
            max_retries=0,
            timeout=httpx2.Timeout(
                connect=limits.connect,
                read=limits.whole_answer,
                write=_WRITE_SECONDS,
                pool=limits.connect,
            ),
        )
        self._is_openai = _is_openai(settings.openai_base_url)
        # OpenAI's newer models call functions only if they do not reason, which older ones do not
        # let themselves be told. Found out by the first refusal.
        self._says_effort = self._is_openai

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    def deadline(self) -> float:
        """When an answer that begins now must be over, by the event loop's clock."""
        return asyncio.get_running_loop().time() + self._limits.whole_answer

    async def ask(
        self, messages: list[Message], tool: Message, *, forced: bool, deadline: float
    ) -> AsyncGenerator[Answer]:
        """The answer, again and again as it grows. To be closed (`aclosing`), which hangs up.

        `forced`: it must call the tool. Raises FailedPrecondition if there is no model, and
        Unavailable: OVERLOADED if too many answers are under way, MODEL_UNAVAILABLE if nothing
        came, MODEL_FAILED if it broke off.
        """
        request = self._request(messages, tool, forced=forced)
        with self._place():
            stream, first = await self._begun(request, deadline)
            async with aclosing(self._read(stream, first, deadline)) as answers:
                async for answer in answers:
                    yield answer

    async def _read(
        self, stream: Stream, first: ChatCompletionChunk, deadline: float
    ) -> AsyncGenerator[Answer]:
        chunk: ChatCompletionChunk | None = first
        answer = Answer()
        async with stream:
            while chunk is not None:
                try:
                    answer.add(chunk)
                except _GIBBERISH as error:
                    raise _broken(error) from None
                yield answer
                try:
                    async with asyncio.timeout_at(self._next_deadline(deadline)):
                        chunk = await _next(stream)
                except (openai.OpenAIError, TimeoutError, *_GIBBERISH) as error:
                    raise _broken(error) from None
        self._used(answer.tokens_in, answer.tokens_out)
        _log.info("answered", **answer.figures())

    @contextmanager
    def _place(self) -> Iterator[None]:
        """A place among the answers that are under way, of which no network has more than half."""
        if not self._configured:
            raise not_configured()
        network, places = calling_network(), self._settings.ai_streams
        share = max(1, places // 2)
        if self._in_flight.total() >= places or self._in_flight[network] >= share:
            raise overloaded()
        self._in_flight[network] += 1
        try:
            yield
        finally:
            self._in_flight -= Counter([network])

    def _next_deadline(self, deadline: float) -> float:
        return min(deadline, asyncio.get_running_loop().time() + self._limits.between_chunks)

    def _request(self, messages: list[Message], tool: Message, *, forced: bool) -> dict[str, Any]:
        # OpenAI's own models want the one name for the cap, most other servers know the other.
        cap = "max_completion_tokens" if self._is_openai else "max_tokens"
        return {
            "model": self._settings.openai_model,
            "messages": messages,
            "tools": [tool],
            "tool_choice": "required" if forced else "auto",
            # Only then are schemas strict.
            "parallel_tool_calls": False,
            "stream_options": {"include_usage": True},
            cap: self._settings.ai_most_tokens,
        }

    async def _begun(
        self, request: dict[str, Any], deadline: float
    ) -> tuple[Stream, ChatCompletionChunk]:
        """The stream and its first chunk, after as many attempts as it takes."""
        attempt = 1
        while True:
            says_effort = self._says_effort
            if says_effort:
                request["reasoning_effort"] = "none"
            else:
                request.pop("reasoning_effort", None)
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._attempt(request)
            except (openai.OpenAIError, TimeoutError, *_GIBBERISH) as error:
                if says_effort and _is_about_effort(error):
                    self._says_effort = False
                    continue
                wait = self._wait(error, attempt)
                if wait is None:
                    _report(error, attempt)
                    raise out_of_reach() from None
            await asyncio.sleep(wait)
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

    def _wait(self, error: Exception, attempt: int) -> float | None:
        """How long to wait before the next attempt, None if there should be none."""
        if attempt >= self._limits.attempts or not _is_passing(error):
            return None
        backoff: float = self._limits.backoff * 2 ** (attempt - 1)
        wait = _retry_after(error)
        if wait is None:
            # Not all who failed together should come back together.
            return backoff * (0.5 + random.random())
        return wait if wait <= self._limits.longest_wait else None


async def _next(stream: Stream) -> ChatCompletionChunk | None:
    """The next chunk, None if that was all."""
    try:
        return await anext(stream)
    except StopAsyncIteration:
        return None


def _is_openai(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host.endswith((".openai.com", ".azure.com"))


def _is_about_effort(error: Exception) -> bool:
    return isinstance(error, openai.BadRequestError) and "reasoning_effort" in str(error)


def _is_passing(error: Exception) -> bool:
    """Whether the next attempt may go better, and costs nothing."""
    if isinstance(error, openai.APIStatusError):
        used_up = error.code == "insufficient_quota"
        return (error.status_code == 429 and not used_up) or error.status_code >= 500
    if isinstance(error, openai.APITimeoutError):
        # With a connection, the model may be at work.
        return isinstance(error.__cause__, httpx2.ConnectTimeout | httpx2.PoolTimeout)
    return isinstance(error, openai.APIConnectionError)


def _retry_after(error: Exception) -> float | None:
    """The seconds that the provider says to wait, None if it says nothing usable."""
    if not isinstance(error, openai.APIStatusError):
        return None
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if seconds >= 0 else None


def _report(error: Exception, attempts: int) -> None:
    """Logs why there is no answer. What only the operator can change is an error."""
    passing = not isinstance(error, openai.APIStatusError) or _is_passing(error)
    log = _log.warning if passing else _log.error
    log("model out of reach", attempts=attempts, **described(error))


def _broken(error: Exception) -> Exception:
    _log.warning("answer broke off", **described(error))
    return model_failed()
