"""Answers and faults of the fake model."""

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

Json = dict[str, Any]

HELLO = "G'day! Schön, dass du da bist 💪 – what would you like to train for?"
HERE_IT_IS = "Gern – here is a plan for you 🏋️:"


class Fault(StrEnum):
    """Faults of a call."""

    TOO_MANY = "too-many"  # 429, with Retry-After
    USED_UP = "used-up"  # 429, where a retry does not help
    BUSY = "busy"  # 500
    WRONG_KEY = "wrong-key"  # 401
    FORBIDDEN = "forbidden"  # 403
    NO_MODEL = "no-model"  # 404
    NO_EFFORT = "no-effort"  # 400 if the request has a reasoning effort
    HANG_UP = "hang-up"  # no response at all
    HANG_UP_EARLY = "hang-up-early"  # after the headers
    CUT = "cut"  # in the middle of the answer
    STALL_EARLY = "stall-early"  # before the first chunk
    STALL = "stall"  # in the middle of the answer
    GIBBERISH = "gibberish"  # events that are not JSON
    ERROR_EVENT = "error-event"  # an error as an event, in the middle
    MALFORMED = "malformed"  # arguments that are not JSON
    MALFORMED_ONCE = "malformed-once"
    INVALID = "invalid"  # arguments that are not a plan
    INVALID_ONCE = "invalid-once"
    REFUSAL = "refusal"
    FILTERED = "filtered"
    TOO_LONG = "too-long"  # cut off at the limit on tokens
    NO_CALL = "no-call"  # text instead of a tool call
    EMPTY = "empty"


def events(body: Json, fault: Fault | None, *, plan: Json, session: Json) -> Iterator[str]:
    """Yield the answer to a request as server-sent events."""
    if fault == Fault.GIBBERISH:
        yield "data: {canary\n\n"
        return
    yield ": this is a comment\n\n"
    for delta, end in _deltas(body, fault, plan, session):
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        yield _event(body, [choice], None)
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    yield _event(body, [], usage)
    yield "data: [DONE]\n\n"


def _event(body: Json, choices: list[Json], usage: Json | None) -> str:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
        "choices": choices,
        "usage": usage,
    }
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


def _deltas(
    body: Json, fault: Fault | None, plan: Json, session: Json
) -> Iterator[tuple[Json, str | None]]:
    yield {"role": "assistant", "content": ""}, None
    if fault == Fault.REFUSAL:
        yield {"refusal": "I will not."}, None
        yield {}, "stop"
        return
    if fault == Fault.FILTERED:
        yield {"content": "Well"}, None
        yield {}, "content_filter"
        return
    forced = body["tool_choice"] == "required" and fault != Fault.NO_CALL
    text = "" if forced else _answer(body)
    yield from (({"content": part}, None) for part in _cut(text, 7))
    if not forced and (text != HERE_IT_IS or fault == Fault.NO_CALL):
        yield {}, "length" if fault == Fault.TOO_LONG else "stop"
        return
    tool = body["tools"][0]["function"]["name"]
    arguments = _arguments(body, session if tool == "make_session" else plan, fault)
    call = {"index": 0, "id": "call_1", "type": "function"}
    yield {"tool_calls": [call | {"function": {"name": tool, "arguments": ""}}]}, None
    if fault == Fault.TOO_LONG:
        arguments = arguments[: len(arguments) // 2]
    for part in _cut(arguments, 17):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}, None
    yield {}, "length" if fault == Fault.TOO_LONG else "tool_calls"


def _arguments(body: Json, data: Json, fault: Fault | None) -> str:
    complained = body["messages"][-1]["role"] == "tool"
    if fault in (Fault.MALFORMED, Fault.MALFORMED_ONCE) and not (
        complained and fault == Fault.MALFORMED_ONCE
    ):
        return json.dumps(data, ensure_ascii=False)[:-2] + "oops}"
    if fault == Fault.INVALID or (fault == Fault.INVALID_ONCE and not complained):
        return json.dumps(data | {"name": ""}, ensure_ascii=False)
    return json.dumps(data, ensure_ascii=False)


def wants_to_wait(body: Json) -> bool:
    """Check whether the answer shall stall, so that the person can stop it."""
    return _user_texts(body)[-1].startswith("Take your time")


def _user_texts(body: Json) -> list[str]:
    return [message["content"] for message in body["messages"] if message["role"] == "user"]


def _answer(body: Json) -> str:
    texts = _user_texts(body)
    last = texts[-1].lower()
    if last.startswith("say hello"):
        return HELLO
    if "what did i say first" in last:
        first = next(text for text in texts if not text.lower().startswith("say hello"))
        return f"You said first: “{first}”"
    return HERE_IT_IS if "plan" in last else f"You said: “{texts[-1]}”. Tell me more!"


def _cut(text: str, length: int) -> Iterator[str]:
    return (text[start : start + length] for start in range(0, len(text), length))
