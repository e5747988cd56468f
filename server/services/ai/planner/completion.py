"""A streamed completion of the model, and the log fields of completions and errors."""

import re
from dataclasses import dataclass
from typing import Any

import openai
from openai.types.chat import ChatCompletionChunk

# Finish reasons of completions that ended but are not usable.
_FAILED = {"length", "content_filter"}
_FINISH_REASONS = {"stop", "tool_calls", "function_call"} | _FAILED
# Far more than a plan needs. A server that ignores our limit on tokens may never stop.
MAX_ARGUMENTS = 1_000_000
# The maximum that a client may send back in the history of a conversation.
MAX_TEXT = 100_000
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,60}")


@dataclass
class Completion:
    """A completion so far."""

    text: str = ""
    # The arguments of the tool call, as JSON.
    arguments: str = ""
    has_call: bool = False
    refused: bool = False
    finish_reason: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    # The index of the first tool call. Others are ignored.
    _call: int | None = None

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Append a chunk. Raises ValueError if the completion is too long."""
        if chunk.usage:
            self.tokens_in = _token_count(chunk.usage.prompt_tokens)
            self.tokens_out = _token_count(chunk.usage.completion_tokens)
        for choice in (chunk.choices or [])[:1]:
            delta = choice.delta
            self.finish_reason = choice.finish_reason or self.finish_reason
            if delta is None:
                continue
            self.text += delta.content or ""
            self.refused = self.refused or bool(delta.refusal)
            for call in delta.tool_calls or []:
                self._add_call(call)
        if len(self.text) > MAX_TEXT or len(self.arguments) > MAX_ARGUMENTS:
            raise ValueError("the completion is too long")

    def log_fields(self) -> dict[str, str | int]:
        """Return fields for the log, which a server cannot fill with parts of the conversation."""
        end = str(self.finish_reason) if self.finish_reason in _FINISH_REASONS else "other"
        return {"end": end, "tokens_in": self.tokens_in, "tokens_out": self.tokens_out}

    def _add_call(self, call: Any) -> None:
        if not self.has_call:
            self.has_call = True
            self._call = call.index
        if call.index == self._call and call.function is not None:
            self.arguments += call.function.arguments or ""

    @property
    def failure(self) -> str | None:
        """The reason why a completion that has ended is not usable, or None if there is none."""
        if self.refused:
            return "refused"
        if self.finish_reason is None:
            return "cut_off"
        return self.finish_reason if self.finish_reason in _FAILED else None


def _token_count(number: object) -> int:
    """Return a number of tokens, or 0 if the server sent something else."""
    return number if isinstance(number, int) and number > 0 else 0


def sanitize(text: str) -> str:
    """Return `text` in a form that can be encoded: halves of surrogate pairs joined or replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def error_fields(error: Exception) -> dict[str, Any]:
    """Return fields for the log, without the error's text: it may quote keys and messages."""
    fields: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, openai.APIStatusError):
        fields["status"] = error.status_code
    for name in ("code", "param"):
        value = getattr(error, name, None)
        if isinstance(value, str) and _CODE.fullmatch(value):
            fields[name] = value
    return fields
