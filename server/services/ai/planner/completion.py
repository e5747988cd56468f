"""An answer of the model as it streams in, and what is said when there is none."""

import re
from dataclasses import dataclass
from typing import Any

import openai
from openai.types.chat import ChatCompletionChunk

# Why an answer that has ended is no good although it has come.
_BAD_ENDS = {"length", "content_filter"}
_ENDS = {"stop", "tool_calls", "function_call"} | _BAD_ENDS
# Far more than a plan takes. A server that does not know our cap on tokens may never stop.
MAX_ARGUMENTS = 1_000_000
# What a client may tell us again as the history of a conversation.
MAX_TEXT = 100_000
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,60}")


@dataclass
class Answer:
    """What has come so far of one answer."""

    text: str = ""
    # The arguments of the call of a tool, as JSON.
    arguments: str = ""
    called: bool = False
    refused: bool = False
    end: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    # Which of several calls is read: the first.
    _call: int | None = None

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Adds what came. Raises ValueError if it is too much."""
        if chunk.usage:
            self.tokens_in = _count(chunk.usage.prompt_tokens)
            self.tokens_out = _count(chunk.usage.completion_tokens)
        for choice in (chunk.choices or [])[:1]:
            delta = choice.delta
            self.end = choice.finish_reason or self.end
            if delta is None:
                continue
            self.text += delta.content or ""
            self.refused = self.refused or bool(delta.refusal)
            for call in delta.tool_calls or []:
                self._add_call(call)
        if len(self.text) > MAX_TEXT or len(self.arguments) > MAX_ARGUMENTS:
            raise ValueError("the answer is too long")

    def figures(self) -> dict[str, str | int]:
        """What the log may know: nothing that a server could have filled with what was said."""
        end = str(self.end) if self.end in _ENDS else "other"
        return {"end": end, "tokens_in": self.tokens_in, "tokens_out": self.tokens_out}

    def _add_call(self, call: Any) -> None:
        if not self.called:
            self.called = True
            self._call = call.index
        if call.index == self._call and call.function is not None:
            self.arguments += call.function.arguments or ""

    @property
    def fault(self) -> str | None:
        """Why the answer is no good, although it has ended; None if it may be."""
        if self.refused:
            return "refused"
        if self.end is None:
            return "cut_off"
        return self.end if self.end in _BAD_ENDS else None


def _count(number: object) -> int:
    """A number of tokens; 0 if a server says something else there."""
    return number if isinstance(number, int) and number > 0 else 0


def sanitize(text: str) -> str:
    """`text` as one that can be encoded: halves of characters are joined, or replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def described(error: Exception) -> dict[str, Any]:
    """What the log may know of an error: never its text, which quotes keys and people."""
    facts: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, openai.APIStatusError):
        facts["status"] = error.status_code
    for name in ("code", "param"):
        value = getattr(error, name, None)
        if isinstance(value, str) and _CODE.fullmatch(value):
            facts[name] = value
    return facts
