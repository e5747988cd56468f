"""Calls of the planner's RPCs."""

from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from gymlocker.v2 import ai_pb2

from server.services.ai.purchase.model import Store, purchase_of
from tests.services.ai.planner.model_server import ModelServer

TOKEN = "canary-web-key"
WEB_KEY = purchase_of(Store.WEB, TOKEN).key
API_KEY = "canary-shared-key"
LIMIT = 20

Stub = Any
BUYER = (("authorization", f"Web {TOKEN}"),)
END = ai_pb2.ChatEnd

PLAN_REQUEST = ai_pb2.GenerateWorkoutPlanRequest(attributes=ai_pb2.PlanAttributes(age=30))
SESSION_REQUEST = ai_pb2.GenerateSessionRequest(attributes=ai_pb2.SessionAttributes(minutes=30))
INTRODUCTION = ai_pb2.ChatRequest(introduce=ai_pb2.Introduction(locale="de-DE", weight_unit="lb"))
# So long that a part of the answer is sent before it stalls.
LONG = "I like squats. " * 8
STOP = ai_pb2.ChatRequest(stop=ai_pb2.StopInProgress())
RESTART = ai_pb2.ChatRequest(restart=ai_pb2.RestartChat())


def message(text: str) -> ai_pb2.ChatRequest:
    return ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text=text))


def history(*texts: str) -> ai_pb2.StreamChatRequest:
    """Return a conversation in which the person and the model alternate."""
    roles = (ai_pb2.ChatTurn.ROLE_USER, ai_pb2.ChatTurn.ROLE_ASSISTANT)
    return ai_pb2.StreamChatRequest(
        history=[
            ai_pb2.ChatTurn(role=roles[number % 2], text=text) for number, text in enumerate(texts)
        ]
    )


async def remaining_answers(ai: Stub) -> int:
    response = await ai.GetQuota(ai_pb2.GetQuotaRequest(), metadata=BUYER)
    return int(response.remaining)


def detail(status: Status, kind: type[Any]) -> Any:
    """Return the detail of a type."""
    found = kind()
    assert any(one.Unpack(found) for one in status.details)
    return found


def status_in(error: grpc.aio.AioRpcError) -> Status:
    return Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])


async def generate_plan(ai: Stub, metadata: Any) -> None:
    await ai.GenerateWorkoutPlan(PLAN_REQUEST, metadata=metadata)


async def generate_session(ai: Stub, metadata: Any) -> None:
    await ai.GenerateSession(SESSION_REQUEST, metadata=metadata)


async def chat(ai: Stub, metadata: Any) -> None:
    await ai.Chat(metadata=metadata).read()


async def stream_chat(ai: Stub, metadata: Any) -> None:
    async for _ in ai.StreamChat(history("Hi"), metadata=metadata):
        pass


async def get_quota(ai: Stub, metadata: Any) -> None:
    await ai.GetQuota(ai_pb2.GetQuotaRequest(), metadata=metadata)


METHODS = [generate_plan, generate_session, chat, stream_chat, get_quota]


class Chat:
    """A call of Chat."""

    def __init__(self, ai: Stub) -> None:
        self.call = ai.Chat(metadata=BUYER)

    async def send(self, request: ai_pb2.ChatRequest) -> None:
        await self.call.write(request)

    async def read(self) -> ai_pb2.ChatResponse:
        response = await self.call.read()
        assert isinstance(response, ai_pb2.ChatResponse)
        return response

    async def answer(self) -> list[ai_pb2.ChatResponse]:
        """Read the responses of an answer, with its end."""
        responses = [await self.read()]
        while not responses[-1].HasField("end"):
            responses.append(await self.read())
        return responses

    async def ask(self, request: ai_pb2.ChatRequest) -> list[ai_pb2.ChatResponse]:
        await self.send(request)
        return await self.answer()

    async def finish(self) -> None:
        """End the call, which must succeed."""
        await self.call.done_writing()
        assert await self.call.read() is grpc.aio.EOF
        assert await self.call.code() == grpc.StatusCode.OK

    async def until_stalled(self, model: ModelServer) -> None:
        """Read until an answer has begun and stalled."""
        assert (await self.read()).message
        await model.until(lambda: model.stalled == 1)


def texts_of(responses: list[ai_pb2.ChatResponse]) -> list[str]:
    return [response.message for response in responses if response.HasField("message")]


def plans_of(responses: list[ai_pb2.ChatResponse]) -> list[Message]:
    return [response.plan for response in responses if response.HasField("plan")]


def end_reason(responses: list[ai_pb2.ChatResponse]) -> int:
    assert [response.HasField("end") for response in responses].count(True) == 1
    return responses[-1].end.reason
