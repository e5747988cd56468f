"""Answers of the planner as responses of the API, and their charging."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from google.rpc.status_pb2 import Status
from gymlocker.v2 import ai_pb2

from server.services.ai.planner.planner import ChatEvent, ChatMessage, Planner, Text
from server.services.ai.purchase.model import Purchase
from server.services.ai.quota import Quotas


@dataclass(frozen=True, slots=True)
class ChatSession:
    """The planner for one purchase, which is charged for each answer."""

    planner: Planner
    quotas: Quotas
    purchase: Purchase

    async def reply(
        self, history: Sequence[ChatMessage], introduction: ai_pb2.Introduction
    ) -> AsyncGenerator[ai_pb2.ChatResponse]:
        """Stream the answer to the last message, without its end."""
        async with (
            self.quotas.charge_chat(self.purchase, history),
            aclosing(stream_reply(self.planner, history, introduction)) as responses,
        ):
            async for response in responses:
                yield response


async def stream_reply(
    planner: Planner, history: Sequence[ChatMessage], introduction: ai_pb2.Introduction
) -> AsyncGenerator[ai_pb2.ChatResponse]:
    """Stream the answer to the last message, without its end and without charging it."""
    events = planner.chat(
        list(history), locale=introduction.locale, weight_unit=introduction.weight_unit
    )
    async with aclosing(events):
        async for event in events:
            yield _response(event)


def chat_end(
    reason: ai_pb2.ChatEnd.Reason.ValueType, error: Status | None = None
) -> ai_pb2.ChatResponse:
    """Return the response that ends an answer."""
    return ai_pb2.ChatResponse(end=ai_pb2.ChatEnd(reason=reason, error=error))


def _response(event: ChatEvent) -> ai_pb2.ChatResponse:
    if isinstance(event, Text):
        return ai_pb2.ChatResponse(message=event.text)
    return ai_pb2.ChatResponse(plan=event.plan)
