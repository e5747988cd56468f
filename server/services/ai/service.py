"""AiService: the planner."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Literal

from gymlocker.v2 import ai_pb2, ai_pb2_grpc, plan_pb2

from server.errors import GymlockerError, InvalidArgument
from server.libraries.rpc.context import Context, current_purchase
from server.libraries.rpc.errors import status_of
from server.services.ai.answer import ChatSession, ended, stream_reply
from server.services.ai.conversation import Conversation
from server.services.ai.planner.planner import Planner, Turn
from server.services.ai.purchase.model import Purchase
from server.services.ai.quota import Quota, Quotas

_ROLES: dict[int, Literal["user", "assistant"]] = {
    ai_pb2.ChatTurn.ROLE_USER: "user",
    ai_pb2.ChatTurn.ROLE_ASSISTANT: "assistant",
}


class AiService(ai_pb2_grpc.AiServiceServicer):
    """Makes training plans."""

    def __init__(self, planner: Planner, quotas: Quotas) -> None:
        self._planner = planner
        self._quotas = quotas

    async def GenerateWorkoutPlan(
        self, request: ai_pb2.GenerateWorkoutPlanRequest, context: Context
    ) -> plan_pb2.Plan:
        """Makes a plan."""
        async with self._quotas.charged(_purchase()) as quota:
            plan = await self._planner.plan(request.attributes)
        await self._say(quota, context)
        return plan

    async def GenerateSession(
        self, request: ai_pb2.GenerateSessionRequest, context: Context
    ) -> plan_pb2.PlanSession:
        """Makes a session."""
        async with self._quotas.charged(_purchase()) as quota:
            session = await self._planner.session(request.attributes)
        await self._say(quota, context)
        return session

    async def Chat(
        self, request_iterator: AsyncIterator[ai_pb2.ChatRequest], context: Context
    ) -> AsyncIterator[ai_pb2.ChatResponse]:
        """Talks, for as long as the stream lives."""
        await self._say(await self._quotas.get(_purchase()), context)
        conversation = Conversation(ChatSession(self._planner, self._quotas, _purchase()))
        async with aclosing(conversation.run(request_iterator)) as responses:
            async for response in responses:
                yield response

    async def StreamChat(
        self, request: ai_pb2.StreamChatRequest, context: Context
    ) -> AsyncIterator[ai_pb2.ChatResponse]:
        """Answers the last message of a conversation."""
        history = _history(request)
        begun = False
        try:
            async with (
                self._quotas.charged_for(_purchase(), history) as quota,
                aclosing(stream_reply(self._planner, history, request.introduction)) as responses,
            ):
                async for response in responses:
                    if not begun:
                        await self._say(quota, context)
                        begun = True
                    yield response
        except GymlockerError as error:
            # Over REST, who has heard something hears of the stream's own status no more.
            if not begun:
                raise
            yield ended(ai_pb2.ChatEnd.REASON_FAILED, status_of(error))
        else:
            yield ended(ai_pb2.ChatEnd.REASON_COMPLETE)

    async def GetQuota(
        self, request: ai_pb2.GetQuotaRequest, context: Context
    ) -> ai_pb2.GetQuotaResponse:
        """Reads what is left."""
        quota = await self._quotas.get(_purchase())
        reply = ai_pb2.GetQuotaResponse(limit=quota.limit, remaining=quota.remaining)
        if quota.reset:
            reply.reset.FromDatetime(quota.reset)
        return reply

    async def _say(self, quota: Quota, context: Context) -> None:
        await context.send_initial_metadata(quota.metadata(self._quotas.now()))


def _purchase() -> Purchase:
    purchase = current_purchase.get()
    if not isinstance(purchase, Purchase):
        raise LookupError("the method does not declare that it needs a purchase token")
    return purchase


def _history(request: ai_pb2.StreamChatRequest) -> list[Turn]:
    """What was said. Raises InvalidArgument if there is nothing to answer."""
    turns = request.history
    if turns and not (turns[-1].role == ai_pb2.ChatTurn.ROLE_USER and turns[-1].text):
        problem = "history: the last message must be the person's"
        raise InvalidArgument(problem, violations=[("history", problem)])
    return [_turn(turn) for turn in turns]


def _turn(turn: ai_pb2.ChatTurn) -> Turn:
    return Turn(_ROLES[turn.role], turn.text, turn.plan if turn.HasField("plan") else None)
