"""AiService: plans, sessions and conversations of the planner."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Literal

from gymlocker.v2 import ai_pb2, ai_pb2_grpc, plan_pb2

from server.errors import GymlockerError, InvalidArgument
from server.libraries.rpc.context import Context, current_purchase
from server.libraries.rpc.errors import status_of
from server.services.ai.chat_session import ChatSession, chat_end, stream_reply
from server.services.ai.conversation import Conversation
from server.services.ai.planner.planner import ChatMessage, Planner
from server.services.ai.purchase.model import Purchase
from server.services.ai.quota import Quota, Quotas

_ROLES: dict[int, Literal["user", "assistant"]] = {
    ai_pb2.ChatTurn.ROLE_USER: "user",
    ai_pb2.ChatTurn.ROLE_ASSISTANT: "assistant",
}


class AiService(ai_pb2_grpc.AiServiceServicer):
    """Servicer of the planner."""

    def __init__(self, planner: Planner, quotas: Quotas) -> None:
        self._planner = planner
        self._quotas = quotas

    async def GenerateWorkoutPlan(
        self, request: ai_pb2.GenerateWorkoutPlanRequest, context: Context
    ) -> plan_pb2.Plan:
        """Generate a plan."""
        async with self._quotas.charge(_purchase()) as quota:
            plan = await self._planner.generate_plan(request.attributes)
        await self._send_quota(quota, context)
        return plan

    async def GenerateSession(
        self, request: ai_pb2.GenerateSessionRequest, context: Context
    ) -> plan_pb2.PlanSession:
        """Generate a session."""
        async with self._quotas.charge(_purchase()) as quota:
            session = await self._planner.generate_session(request.attributes)
        await self._send_quota(quota, context)
        return session

    async def Chat(
        self, request_iterator: AsyncIterator[ai_pb2.ChatRequest], context: Context
    ) -> AsyncIterator[ai_pb2.ChatResponse]:
        """Hold a conversation for as long as the stream lasts."""
        await self._send_quota(await self._quotas.get(_purchase()), context)
        conversation = Conversation(ChatSession(self._planner, self._quotas, _purchase()))
        async with aclosing(conversation.run(request_iterator)) as responses:
            async for response in responses:
                yield response

    async def StreamChat(
        self, request: ai_pb2.StreamChatRequest, context: Context
    ) -> AsyncIterator[ai_pb2.ChatResponse]:
        """Answer the last message of a conversation."""
        history = _history(request)
        has_begun = False
        try:
            async with (
                self._quotas.charge_chat(_purchase(), history) as quota,
                aclosing(stream_reply(self._planner, history, request.introduction)) as responses,
            ):
                async for response in responses:
                    if not has_begun:
                        await self._send_quota(quota, context)
                        has_begun = True
                    yield response
        except GymlockerError as error:
            # Over REST, the status of the stream is lost once a response was sent.
            if not has_begun:
                raise
            yield chat_end(ai_pb2.ChatEnd.REASON_FAILED, status_of(error))
        else:
            yield chat_end(ai_pb2.ChatEnd.REASON_COMPLETE)

    async def GetQuota(
        self, request: ai_pb2.GetQuotaRequest, context: Context
    ) -> ai_pb2.GetQuotaResponse:
        """Return the quota."""
        quota = await self._quotas.get(_purchase())
        response = ai_pb2.GetQuotaResponse(limit=quota.limit, remaining=quota.remaining)
        if quota.reset:
            response.reset.FromDatetime(quota.reset)
        return response

    async def _send_quota(self, quota: Quota, context: Context) -> None:
        await context.send_initial_metadata(quota.metadata(self._quotas.now()))


def _purchase() -> Purchase:
    purchase = current_purchase.get()
    if not isinstance(purchase, Purchase):
        raise LookupError("the method does not require a purchase token in the contract")
    return purchase


def _history(request: ai_pb2.StreamChatRequest) -> list[ChatMessage]:
    """Return the conversation. Raises InvalidArgument if there is no message to answer."""
    turns = request.history
    if turns and not (turns[-1].role == ai_pb2.ChatTurn.ROLE_USER and turns[-1].text):
        problem = "history: the last message must be a message of the user"
        raise InvalidArgument(problem, violations=[("history", problem)])
    return [_message(turn) for turn in turns]


def _message(turn: ai_pb2.ChatTurn) -> ChatMessage:
    return ChatMessage(_ROLES[turn.role], turn.text, turn.plan if turn.HasField("plan") else None)
