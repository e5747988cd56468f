"""Planner that calls a language model and returns only valid plans.

The model's output is untrusted data. It is checked, and an invalid plan is sent back to the model
once, with the list of its errors.
"""

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar

import jiter
import structlog
from google.protobuf.descriptor import Descriptor
from gymlocker.v2 import ai_pb2, plan_pb2

from server.errors import Unavailable
from server.libraries.settings import PlannerSettings
from server.services.ai.planner import prompts
from server.services.ai.planner.completion import Completion, sanitize
from server.services.ai.planner.errors import is_refundable, model_failed
from server.services.ai.planner.json_schema import data_of, schema_of
from server.services.ai.planner.llm_client import LLMClient, Message, RequestOptions
from server.services.ai.planner.parser import InvalidPlan, parse_plan, parse_session
from server.services.ai.planner.partial_plan import parse_partial_json, partial_plan
from server.services.ai.planner.planner import (
    ChatEvent,
    ChatMessage,
    FinishedPlan,
    PartialPlan,
    Text,
    recent,
)
from server.services.ai.planner.throttle import throttled

MAKE_PLAN = "make_plan"
MAKE_SESSION = "make_session"

Parsed = TypeVar("Parsed")

_log = structlog.get_logger("planner")


class LLMPlanner:
    """Planner that uses a language model.

    Every method raises FailedPrecondition if no model is configured, and Unavailable if the model
    fails; `is_refundable` tells whether such a call is free. Cancelling a call, or closing the
    generator of `chat`, closes the connection to the model at once. `on_usage` receives the input
    and output tokens of each finished completion.
    """

    def __init__(
        self,
        settings: PlannerSettings,
        options: RequestOptions | None = None,
        on_usage: Callable[[int, int], None] = lambda _, __: None,
    ) -> None:
        self._options = options or RequestOptions()
        self._client = LLMClient(settings, self._options, on_usage)
        self._plan_tool = _tool(
            MAKE_PLAN, "Shows the person a whole training plan.", plan_pb2.Plan.DESCRIPTOR
        )
        self._session_tool = _tool(
            MAKE_SESSION, "Shows the person a training session.", plan_pb2.PlanSession.DESCRIPTOR
        )

    async def close(self) -> None:
        """Close the connections to the model."""
        await self._client.close()

    async def generate_plan(self, attributes: ai_pb2.PlanAttributes) -> plan_pb2.Plan:
        """Return a plan for a person with these attributes."""
        links = prompts.links_in([attributes.additional_info, *attributes.goals])
        messages = prompts.plan_messages(attributes, MAKE_PLAN)
        return await self._generate(messages, self._plan_tool, lambda data: parse_plan(data, links))

    async def generate_session(self, attributes: ai_pb2.SessionAttributes) -> plan_pb2.PlanSession:
        """Return a session with these attributes."""
        links = prompts.links_in([attributes.additional_info])
        messages = prompts.session_messages(attributes, MAKE_SESSION)
        return await self._generate(
            messages, self._session_tool, lambda data: parse_session(data, links)
        )

    async def chat(
        self, history: Sequence[ChatMessage], *, locale: str, weight_unit: str
    ) -> AsyncGenerator[ChatEvent]:
        """Stream the answer to a conversation. An empty history is answered with a greeting.

        Close the generator (`aclosing`) unless it is read to its end.
        """
        history = recent(history)
        links = prompts.links_in([one.text for one in history if one.role == "user"])
        system = prompts.chat_system(locale, weight_unit, MAKE_PLAN)
        messages = [system, *_conversation(history)]
        deadline = self._client.deadline()
        shown, completion = _Shown(), Completion()
        stream = self._client.stream(messages, self._plan_tool, forced=False, deadline=deadline)
        async with aclosing(throttled(stream, self._options.update_pause)) as completions:
            async for completion in completions:
                for event in shown.changes(completion):
                    yield event
        _require_usable(completion)
        if completion.has_call:
            plan = await self._parse(
                completion,
                messages,
                self._plan_tool,
                lambda data: parse_plan(data, links),
                deadline,
            )
            yield FinishedPlan(plan)
        elif not completion.text.strip():
            raise _unusable("empty")

    async def _generate(
        self, messages: list[Message], tool: Message, parse: Callable[[object], Parsed]
    ) -> Parsed:
        deadline = self._client.deadline()
        completion = await self._call(messages, tool, deadline)
        return await self._parse(completion, messages, tool, parse, deadline)

    async def _call(self, messages: list[Message], tool: Message, deadline: float) -> Completion:
        """Return a whole completion that calls the tool."""
        completion = Completion()
        stream = self._client.stream(messages, tool, forced=True, deadline=deadline)
        async with aclosing(stream) as completions:
            async for latest in completions:
                completion = latest
        _require_usable(completion)
        if not completion.has_call:
            raise _unusable("no_call")
        return completion

    async def _parse(
        self,
        completion: Completion,
        messages: list[Message],
        tool: Message,
        parse: Callable[[object], Parsed],
        deadline: float,
    ) -> Parsed:
        """Parse the arguments of the tool call. If they are invalid, request a correction once."""
        try:
            return parse(_arguments_of(completion))
        except InvalidPlan as error:
            _log.info("plan_rejected", errors=str(error).count("\n") + 1)
            messages = [*messages, *_correction(completion, tool, error)]
        try:
            completion = await self._call(messages, tool, deadline)
            return parse(_arguments_of(completion))
        except InvalidPlan:
            raise _unusable("invalid_plan") from None
        except Unavailable as error:
            # The first completion counts, whatever happened to the correction.
            if is_refundable(error):
                raise model_failed() from None
            raise


@dataclass
class _Shown:
    """The parts of a completion that the person has seen."""

    text: str = ""
    plan: plan_pb2.Plan = field(default_factory=plan_pb2.Plan)
    arguments: int = 0

    def changes(self, completion: Completion) -> Iterator[ChatEvent]:
        """Yield the parts that are new."""
        text = sanitize(completion.text)
        if text != self.text:
            self.text = text
            yield Text(text)
        if len(completion.arguments) > self.arguments:
            self.arguments = len(completion.arguments)
            data = parse_partial_json(sanitize(completion.arguments))
            # Arguments that turn out not to be JSON do not remove the plan shown so far.
            plan = self.plan if data is None else partial_plan(data)
            if plan != self.plan:
                self.plan = plan
                yield PartialPlan(plan)


def _tool(name: str, description: str, message: Descriptor) -> Message:
    function = {"name": name, "description": description, "strict": True}
    return {"type": "function", "function": function | {"parameters": schema_of(message)}}


def _conversation(history: Sequence[ChatMessage]) -> Iterator[Message]:
    # The model's greeting answers this message. Some models require that the user begins.
    if not history or history[0].role == "assistant":
        yield {"role": "user", "content": prompts.GREETING}
    for number, message in enumerate(history):
        if message.plan is not None and message.role == "assistant":
            arguments = json.dumps(data_of(message.plan), ensure_ascii=False)
            call_id = f"call_{number}"
            yield from _tool_call(message.text, call_id, MAKE_PLAN, arguments, prompts.PLAN_SHOWN)
        elif message.text:
            yield {"role": message.role, "content": message.text}


def _tool_call(
    text: str, call_id: str, name: str, arguments: str, result: str
) -> tuple[Message, Message]:
    """Return the messages of a tool call and its result."""
    function = {"name": name, "arguments": arguments}
    calls = [{"id": call_id, "type": "function", "function": function}]
    return (
        {"role": "assistant", "content": text, "tool_calls": calls},
        {"role": "tool", "tool_call_id": call_id, "content": result},
    )


def _correction(
    completion: Completion, tool: Message, error: InvalidPlan
) -> tuple[Message, Message]:
    """Return the messages that request a correction."""
    arguments = sanitize(completion.arguments)
    try:
        jiter.from_json(arguments.encode())
    except ValueError:
        # Some servers parse the arguments in the history, and fail if they cannot.
        arguments = "{}"
    name = tool["function"]["name"]
    result = f"The plan could not be shown. Call {name} again with these errors corrected:\n{error}"
    return _tool_call(sanitize(completion.text), "call_again", name, arguments, result)


def _arguments_of(completion: Completion) -> Any:
    try:
        return jiter.from_json(sanitize(completion.arguments).encode())
    except ValueError as error:
        raise InvalidPlan(f"The arguments are not valid JSON: {error}") from None


def _require_usable(completion: Completion) -> None:
    if completion.failure:
        raise _unusable(completion.failure)


def _unusable(why: str) -> Unavailable:
    _log.warning("completion_unusable", why=why)
    return model_failed()
