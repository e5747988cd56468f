"""The planner's interface, its messages and events, and a planner without a model.

This module imports nothing large: the library that calls the model is only loaded if a model is
configured.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gymlocker.v2 import ai_pb2, plan_pb2

from server.services.ai.planner.errors import not_configured

# The latest messages and characters of a conversation that are sent to the model: the operator pays
# for every one of them.
MAX_MESSAGES = 20
MAX_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of a conversation, and the plan that was shown with it."""

    role: Literal["user", "assistant"]
    text: str
    plan: plan_pb2.Plan | None = None


def recent(history: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Return the latest messages within the limits, and always the last one."""
    messages: list[ChatMessage] = []
    characters = 0
    for message in reversed(history[-MAX_MESSAGES:]):
        characters += len(message.text) + (message.plan.ByteSize() if message.plan else 0)
        if messages and characters > MAX_CHARACTERS:
            break
        messages.append(message)
    return messages[::-1]


@dataclass(frozen=True, slots=True)
class Text:
    """The whole text of an answer so far."""

    text: str


@dataclass(frozen=True, slots=True)
class PartialPlan:
    """The complete parts of a plan that is still being written."""

    plan: plan_pb2.Plan


@dataclass(frozen=True, slots=True)
class FinishedPlan:
    """A complete plan that keeps all limits."""

    plan: plan_pb2.Plan


ChatEvent = Text | PartialPlan | FinishedPlan


class Planner(Protocol):
    """A maker of plans and sessions that also holds conversations."""

    async def generate_plan(self, attributes: ai_pb2.PlanAttributes) -> plan_pb2.Plan:
        """Return a plan for a person with these attributes."""

    async def generate_session(self, attributes: ai_pb2.SessionAttributes) -> plan_pb2.PlanSession:
        """Return a session with these attributes."""

    def chat(
        self, history: Sequence[ChatMessage], *, locale: str, weight_unit: str
    ) -> AsyncGenerator[ChatEvent]:
        """Stream the answer to a conversation. An empty history is answered with a greeting.

        A malformed locale counts as en-AU, a malformed unit as kg.
        """


class NoPlanner:
    """A planner without a model: each method names the missing setting."""

    async def generate_plan(self, attributes: ai_pb2.PlanAttributes) -> plan_pb2.Plan:
        """Raise FailedPrecondition."""
        raise not_configured()

    async def generate_session(self, attributes: ai_pb2.SessionAttributes) -> plan_pb2.PlanSession:
        """Raise FailedPrecondition."""
        raise not_configured()

    async def chat(
        self, history: Sequence[ChatMessage], *, locale: str, weight_unit: str
    ) -> AsyncGenerator[ChatEvent]:
        """Raise FailedPrecondition."""
        raise not_configured()
        yield
