"""An answer of the model, charged and in the words of the contract."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from google.rpc.status_pb2 import Status
from gymlocker.v2 import ai_pb2

from server.services.ai.planner.planner import FinishedPlan, GrowingPlan, Planner, Text, Turn
from server.services.ai.purchase.model import Purchase
from server.services.ai.quota import Quotas


@dataclass(frozen=True)
class ChatSession:
    """The model, for somebody who has bought its answers."""

    planner: Planner
    quotas: Quotas
    purchase: Purchase

    async def answer(
        self, history: Sequence[Turn], introduction: ai_pb2.Introduction
    ) -> AsyncGenerator[ai_pb2.ChatResponse]:
        """The pieces of an answer to the last message, without its end."""
        async with (
            self.quotas.charged_for(self.purchase, history),
            aclosing(stream_reply(self.planner, history, introduction)) as responses,
        ):
            async for response in responses:
                yield response


async def stream_reply(
    planner: Planner, history: Sequence[Turn], introduction: ai_pb2.Introduction
) -> AsyncGenerator[ai_pb2.ChatResponse]:
    """The same, for whoever has charged it already."""
    pieces = planner.talk(
        list(history), locale=introduction.locale, weight_unit=introduction.weight_unit
    )
    async with aclosing(pieces):
        async for piece in pieces:
            yield _response(piece)


def ended(
    reason: ai_pb2.ChatEnd.Reason.ValueType, error: Status | None = None
) -> ai_pb2.ChatResponse:
    """The end of an answer."""
    return ai_pb2.ChatResponse(end=ai_pb2.ChatEnd(reason=reason, error=error))


def _response(piece: Text | GrowingPlan | FinishedPlan) -> ai_pb2.ChatResponse:
    if isinstance(piece, Text):
        return ai_pb2.ChatResponse(message=piece.text)
    return ai_pb2.ChatResponse(plan=piece.plan)
