"""Calls of the planner, as its tests make them."""

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

PLAN_WISH = ai_pb2.GenerateWorkoutPlanRequest(attributes=ai_pb2.PlanAttributes(age=30))
SESSION_WISH = ai_pb2.GenerateSessionRequest(attributes=ai_pb2.SessionAttributes(minutes=30))
INTRODUCTION = ai_pb2.ChatRequest(introduce=ai_pb2.Introduction(locale="de-DE", weight_unit="lb"))
# Long enough that some of its answer is out before it stalls.
LONG = "I like squats. " * 8
STOP = ai_pb2.ChatRequest(stop=ai_pb2.StopInProgress())
RESTART = ai_pb2.ChatRequest(restart=ai_pb2.RestartChat())


def says(text: str) -> ai_pb2.ChatRequest:
    return ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text=text))


def history(*texts: str) -> ai_pb2.StreamChatRequest:
    """What the person and the model said in turn."""
    roles = (ai_pb2.ChatTurn.ROLE_USER, ai_pb2.ChatTurn.ROLE_ASSISTANT)
    return ai_pb2.StreamChatRequest(
        history=[
            ai_pb2.ChatTurn(role=roles[number % 2], text=text) for number, text in enumerate(texts)
        ]
    )


async def left(ai: Stub) -> int:
    reply = await ai.GetQuota(ai_pb2.GetQuotaRequest(), metadata=BUYER)
    return int(reply.remaining)


def detail(status: Status, kind: type[Any]) -> Any:
    """The detail of that kind."""
    found = kind()
    assert any(one.Unpack(found) for one in status.details)
    return found


def status_in(error: grpc.aio.AioRpcError) -> Status:
    return Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])


class Chat:
    """A conversation."""

    def __init__(self, ai: Stub) -> None:
        self.call = ai.Chat(metadata=BUYER)

    async def say(self, request: ai_pb2.ChatRequest) -> None:
        await self.call.write(request)

    async def read(self) -> ai_pb2.ChatResponse:
        response = await self.call.read()
        assert isinstance(response, ai_pb2.ChatResponse)
        return response

    async def answer(self) -> list[ai_pb2.ChatResponse]:
        """All pieces up to the end, with it."""
        pieces = [await self.read()]
        while not pieces[-1].HasField("end"):
            pieces.append(await self.read())
        return pieces

    async def asked(self, request: ai_pb2.ChatRequest) -> list[ai_pb2.ChatResponse]:
        await self.say(request)
        return await self.answer()

    async def done(self) -> None:
        """Ends it well."""
        await self.call.done_writing()
        assert await self.call.read() is grpc.aio.EOF
        assert await self.call.code() == grpc.StatusCode.OK

    async def until_stalled(self, model: ModelServer) -> None:
        """Reads until there are words of an answer that comes no further."""
        assert (await self.read()).message
        await model.until(lambda: model.stalled == 1)


def words(pieces: list[ai_pb2.ChatResponse]) -> list[str]:
    return [piece.message for piece in pieces if piece.HasField("message")]


def plans(pieces: list[ai_pb2.ChatResponse]) -> list[Message]:
    return [piece.plan for piece in pieces if piece.HasField("plan")]


def reason(pieces: list[ai_pb2.ChatResponse]) -> int:
    assert [piece.HasField("end") for piece in pieces].count(True) == 1
    return pieces[-1].end.reason
