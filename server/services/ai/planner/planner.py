"""What is said between a person and the model, and who says it for the model.

It loads nothing large: the library that reaches the model is loaded where there is one.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gymlocker.v2 import ai_pb2, plan_pb2

from server.services.ai.planner.errors import not_configured

# Of a conversation, the last so many messages count, and of these so many characters: whoever pays
# for the model does so for every one of them.
MAX_TURNS = 20
MAX_CHARACTERS = 100_000


@dataclass(frozen=True)
class Turn:
    """Something that was said, and the plan that was shown with it."""

    role: Literal["user", "assistant"]
    text: str
    plan: plan_pb2.Plan | None = None


def recent(history: Sequence[Turn]) -> list[Turn]:
    """The turns that the model is told: the last ones, of which the very last always counts."""
    turns: list[Turn] = []
    characters = 0
    for turn in reversed(history[-MAX_TURNS:]):
        characters += len(turn.text) + (turn.plan.ByteSize() if turn.plan else 0)
        if turns and characters > MAX_CHARACTERS:
            break
        turns.append(turn)
    return turns[::-1]


@dataclass(frozen=True)
class Text:
    """The whole text of an answer so far."""

    text: str


@dataclass(frozen=True)
class GrowingPlan:
    """What there is of a plan that is still being written."""

    plan: plan_pb2.Plan


@dataclass(frozen=True)
class FinishedPlan:
    """A plan that keeps all limits."""

    plan: plan_pb2.Plan


Event = Text | GrowingPlan | FinishedPlan


class Planner(Protocol):
    """Plans, sessions and conversations."""

    async def plan(self, attributes: ai_pb2.PlanAttributes) -> plan_pb2.Plan:
        """A plan that fits a person."""

    async def session(self, attributes: ai_pb2.SessionAttributes) -> plan_pb2.PlanSession:
        """A session that fits what is wanted of it."""

    def talk(
        self, history: Sequence[Turn], *, locale: str, weight_unit: str
    ) -> AsyncGenerator[Event]:
        """The answer to a conversation, as it comes; without a history it is a hello.

        A locale or a unit of another form counts as en-AU, and kg.
        """


class NoPlanner:
    """A server without a model: every call says which setting to make."""

    async def plan(self, attributes: ai_pb2.PlanAttributes) -> plan_pb2.Plan:
        """Raises FailedPrecondition."""
        raise not_configured()

    async def session(self, attributes: ai_pb2.SessionAttributes) -> plan_pb2.PlanSession:
        """Raises FailedPrecondition."""
        raise not_configured()

    async def talk(
        self, history: Sequence[Turn], *, locale: str, weight_unit: str
    ) -> AsyncGenerator[Event]:
        """Raises FailedPrecondition."""
        raise not_configured()
        yield
