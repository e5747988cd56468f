"""The planner: what a person wants goes to the language model, and a sound plan comes back.

What a model wrote is data. It is checked, and if it is no plan, the model is told why, once.
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
from server.services.ai.planner.completion import Answer, sanitize
from server.services.ai.planner.errors import model_failed, nothing_came
from server.services.ai.planner.json_schema import data_of, schema_of
from server.services.ai.planner.llm_client import Limits, Message, Model
from server.services.ai.planner.parser import InvalidPlan, plan_of, session_of
from server.services.ai.planner.partial_plan import growing_plan_of, partial_data
from server.services.ai.planner.planner import Event, FinishedPlan, GrowingPlan, Text, Turn, recent
from server.services.ai.planner.throttle import throttled

MAKE_PLAN = "make_plan"
MAKE_SESSION = "make_session"

Read = TypeVar("Read")

_log = structlog.get_logger("planner")


class Provider:
    """Plans, sessions and conversations from a language model.

    Every method raises FailedPrecondition if none is configured and Unavailable if it does not
    do its work; `nothing_came` tells whether that should cost the person anything. Cancelling, or
    closing what `talk` returns, hangs up at once. `used` is told the tokens that went in and came
    out, of each answer that came to its end.
    """

    def __init__(
        self,
        settings: PlannerSettings,
        limits: Limits | None = None,
        used: Callable[[int, int], None] = lambda _, __: None,
    ) -> None:
        self._limits = limits or Limits()
        self._model = Model(settings, self._limits, used)
        self._plan_tool = _tool(
            MAKE_PLAN, "Shows the person a whole training plan.", plan_pb2.Plan.DESCRIPTOR
        )
        self._session_tool = _tool(
            MAKE_SESSION, "Shows the person a training session.", plan_pb2.PlanSession.DESCRIPTOR
        )

    async def close(self) -> None:
        """Closes the connections to the model."""
        await self._model.close()

    async def plan(self, attributes: ai_pb2.PlanAttributes) -> plan_pb2.Plan:
        """A plan that fits a person."""
        links = prompts.links_in([attributes.additional_info, *attributes.goals])
        messages = prompts.plan_messages(attributes, MAKE_PLAN)
        return await self._made(messages, self._plan_tool, lambda data: plan_of(data, links))

    async def session(self, attributes: ai_pb2.SessionAttributes) -> plan_pb2.PlanSession:
        """A session that fits what is wanted of it."""
        links = prompts.links_in([attributes.additional_info])
        messages = prompts.session_messages(attributes, MAKE_SESSION)
        return await self._made(messages, self._session_tool, lambda data: session_of(data, links))

    async def talk(
        self, history: Sequence[Turn], *, locale: str, weight_unit: str
    ) -> AsyncGenerator[Event]:
        """The answer to a conversation, as it comes; without a history, the model says hello.

        To be closed (`aclosing`) by whoever does not read it to the end.
        """
        history = recent(history)
        links = prompts.links_in([turn.text for turn in history if turn.role == "user"])
        system = prompts.chat_system(locale, weight_unit, MAKE_PLAN)
        messages = [system, *_conversation(history)]
        deadline = self._model.deadline()
        screen, answer = _Screen(), Answer()
        asked = self._model.ask(messages, self._plan_tool, forced=False, deadline=deadline)
        async with aclosing(throttled(asked, self._limits.pause)) as growing:
            async for answer in growing:
                for event in screen.changes(answer):
                    yield event
        _require_good(answer)
        if answer.called:
            plan = await self._repaired(
                answer, messages, self._plan_tool, lambda data: plan_of(data, links), deadline
            )
            yield FinishedPlan(plan)
        elif not answer.text.strip():
            raise _useless("empty")

    async def _made(
        self, messages: list[Message], tool: Message, read: Callable[[object], Read]
    ) -> Read:
        deadline = self._model.deadline()
        answer = await self._called(messages, tool, deadline)
        return await self._repaired(answer, messages, tool, read, deadline)

    async def _called(self, messages: list[Message], tool: Message, deadline: float) -> Answer:
        """A whole answer that calls the tool."""
        answer = Answer()
        asked = self._model.ask(messages, tool, forced=True, deadline=deadline)
        async with aclosing(asked) as growing:
            async for so_far in growing:
                answer = so_far
        _require_good(answer)
        if not answer.called:
            raise _useless("no_call")
        return answer

    async def _repaired(
        self,
        answer: Answer,
        messages: list[Message],
        tool: Message,
        read: Callable[[object], Read],
        deadline: float,
    ) -> Read:
        """What the answer's call holds; if that is no good, what the model makes of it."""
        try:
            return read(_data_in(answer))
        except InvalidPlan as fault:
            _log.info("plan repaired", faults=str(fault).count("\n") + 1)
            again = [*messages, *_complaint(answer, tool, fault)]
        try:
            answer = await self._called(again, tool, deadline)
            return read(_data_in(answer))
        except InvalidPlan:
            raise _useless("invalid_plan") from None
        except Unavailable as error:
            # The model has worked, whatever became of the second attempt.
            if nothing_came(error):
                raise model_failed() from None
            raise


@dataclass
class _Screen:
    """What the person has seen of an answer."""

    text: str = ""
    plan: plan_pb2.Plan = field(default_factory=plan_pb2.Plan)
    arguments: int = 0

    def changes(self, answer: Answer) -> Iterator[Event]:
        """What is new."""
        text = sanitize(answer.text)
        if text != self.text:
            self.text = text
            yield Text(text)
        if len(answer.arguments) > self.arguments:
            self.arguments = len(answer.arguments)
            data = partial_data(sanitize(answer.arguments))
            # What turns out to be no JSON takes nothing back.
            plan = self.plan if data is None else growing_plan_of(data)
            if plan != self.plan:
                self.plan = plan
                yield GrowingPlan(plan)


def _tool(name: str, description: str, message: Descriptor) -> Message:
    function = {"name": name, "description": description, "strict": True}
    return {"type": "function", "function": function | {"parameters": schema_of(message)}}


def _conversation(history: Sequence[Turn]) -> Iterator[Message]:
    # The model's hello answered this, and some models insist that the person begins.
    if not history or history[0].role == "assistant":
        yield {"role": "user", "content": prompts.HELLO}
    for number, turn in enumerate(history):
        if turn.plan is not None and turn.role == "assistant":
            arguments = json.dumps(data_of(turn.plan), ensure_ascii=False)
            yield from _call(turn.text, f"call_{number}", MAKE_PLAN, arguments, prompts.SHOWN)
        elif turn.text:
            yield {"role": turn.role, "content": turn.text}


def _call(
    text: str, call_id: str, name: str, arguments: str, result: str
) -> tuple[Message, Message]:
    """A call of the model, and what came of it."""
    function = {"name": name, "arguments": arguments}
    calls = [{"id": call_id, "type": "function", "function": function}]
    return (
        {"role": "assistant", "content": text, "tool_calls": calls},
        {"role": "tool", "tool_call_id": call_id, "content": result},
    )


def _complaint(answer: Answer, tool: Message, fault: InvalidPlan) -> tuple[Message, Message]:
    arguments = sanitize(answer.arguments)
    try:
        jiter.from_json(arguments.encode())
    except ValueError:
        # Some servers read the arguments, and fail if they cannot.
        arguments = "{}"
    name = tool["function"]["name"]
    wish = f"The person could not see it. Call {name} again, with these faults corrected:\n{fault}"
    return _call(sanitize(answer.text), "call_again", name, arguments, wish)


def _data_in(answer: Answer) -> Any:
    try:
        return jiter.from_json(sanitize(answer.arguments).encode())
    except ValueError as error:
        raise InvalidPlan(f"The arguments are no JSON: {error}") from None


def _require_good(answer: Answer) -> None:
    if answer.fault:
        raise _useless(answer.fault)


def _useless(why: str) -> Unavailable:
    _log.warning("answer of no use", why=why)
    return model_failed()
