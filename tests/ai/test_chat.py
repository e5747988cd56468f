"""The planner as its clients see it, with a model that is the model server."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from gymlocker.v2 import ai_pb2, ai_pb2_grpc

from server.ai.planner.reading import plan_of, session_of
from tests.ai.conftest import LIMIT, TOKEN, WEB_KEY
from tests.ai.planner.model_server import ModelServer
from tests.ai.planner.plans import PLAN, SESSION
from tests.ai.planner.script import HELLO, HERE_IT_IS, Fault
from tests.worker import health, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


async def plan(ai: Stub, metadata: Any) -> None:
    await ai.GenerateWorkoutPlan(PLAN_WISH, metadata=metadata)


async def session(ai: Stub, metadata: Any) -> None:
    await ai.GenerateSession(SESSION_WISH, metadata=metadata)


async def chat(ai: Stub, metadata: Any) -> None:
    await ai.Chat(metadata=metadata).read()


async def stream(ai: Stub, metadata: Any) -> None:
    async for _ in ai.StreamChat(history("Hi"), metadata=metadata):
        pass


async def quota(ai: Stub, metadata: Any) -> None:
    await ai.GetQuota(ai_pb2.GetQuotaRequest(), metadata=metadata)


METHODS = [plan, session, chat, stream, quota]


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


@pytest_asyncio.fixture(loop_scope="session")
async def conversation(ai: Stub) -> Chat:
    return Chat(ai)


def words(pieces: list[ai_pb2.ChatResponse]) -> list[str]:
    return [piece.message for piece in pieces if piece.HasField("message")]


def plans(pieces: list[ai_pb2.ChatResponse]) -> list[Message]:
    return [piece.plan for piece in pieces if piece.HasField("plan")]


def reason(pieces: list[ai_pb2.ChatResponse]) -> int:
    assert [piece.HasField("end") for piece in pieces].count(True) == 1
    return pieces[-1].end.reason


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param((), id="missing"),
        pytest.param((("authorization", "Web wrong"),), id="wrong"),
        pytest.param((("authorization", f"Steam {TOKEN}"),), id="unknown store"),
        pytest.param((("authorization", f"Google {TOKEN}"),), id="another store"),
        pytest.param((("authorization", TOKEN),), id="malformed"),
        pytest.param(BUYER * 2, id="twice"),
    ],
)
async def test_who_has_not_paid_gets_nothing(
    ai: Stub, model: ModelServer, method: Callable[..., Any], metadata: Any
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(ai, metadata)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert model.calls == []
    assert await left(ai) == LIMIT


async def test_a_plan(ai: Stub) -> None:
    call = ai.GenerateWorkoutPlan(PLAN_WISH, metadata=BUYER)
    assert await call == plan_of(PLAN)
    metadata = dict(await call.initial_metadata())
    assert (metadata["x-quota-limit"], metadata["x-quota-remaining"]) == ("20", "19")
    assert 0 < int(metadata["x-quota-reset"]) <= 24 * 3600


async def test_a_session(ai: Stub) -> None:
    call = ai.GenerateSession(SESSION_WISH, metadata=BUYER)
    assert await call == session_of(SESSION)
    assert dict(await call.initial_metadata())["x-quota-remaining"] == "19"


async def test_the_quota_can_be_read(ai: Stub) -> None:
    reply = await ai.GetQuota(ai_pb2.GetQuotaRequest(), metadata=BUYER)
    assert reply == ai_pb2.GetQuotaResponse(limit=LIMIT, remaining=LIMIT)
    await session(ai, BUYER)
    reply = await ai.GetQuota(ai_pb2.GetQuotaRequest(), metadata=BUYER)
    assert (reply.remaining, reply.HasField("reset")) == (LIMIT - 1, True)


async def test_of_two_hundred_calls_at_once_twenty_reach_the_model(
    ai: Stub, model: ModelServer
) -> None:
    calls = [ai.GenerateSession(SESSION_WISH, metadata=BUYER) for _ in range(200)]
    codes = Counter([await call.code() for call in calls])
    assert codes == {grpc.StatusCode.OK: 20, grpc.StatusCode.RESOURCE_EXHAUSTED: 180}
    assert len(model.calls) == 20


@pytest.mark.parametrize("method", [plan, session, stream])
async def test_when_the_quota_is_used_up_it_says_until_when(
    ai: Stub, connection: asyncpg.Connection, model: ModelServer, method: Callable[..., Any]
) -> None:
    await use_up(connection)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(ai, BUYER)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    status = status_in(caught.value)
    assert detail(status, ErrorInfo).reason == "QUOTA_USED_UP"
    assert 0 < detail(status, RetryInfo).retry_delay.seconds <= 3600
    assert model.calls == []


async def test_when_the_quota_is_used_up_a_conversation_says_so_and_lives(
    conversation: Chat, connection: asyncpg.Connection
) -> None:
    await use_up(connection)
    for _ in range(2):
        (end,) = await conversation.asked(says("Hi"))
        assert end.end.reason == END.REASON_FAILED
        assert end.end.error.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
        assert detail(end.end.error, RetryInfo).retry_delay.seconds > 0
    await conversation.done()


async def use_up(connection: asyncpg.Connection) -> None:
    """All answers were given 23 hours ago."""
    await connection.execute(
        "INSERT INTO rate_limit_consumptions VALUES "
        "($1, array_fill(now() - interval '23 hours', ARRAY[$2::int]))",
        *(WEB_KEY, LIMIT),
    )


@pytest.mark.parametrize(
    ("fault", "remaining"), [(Fault.WRONG_KEY, LIMIT), (Fault.REFUSAL, LIMIT - 1)]
)
async def test_only_what_the_model_did_counts(
    ai: Stub, model: ModelServer, fault: Fault, remaining: int
) -> None:
    model.faults.append(fault)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await session(ai, BUYER)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert await left(ai) == remaining


async def test_it_says_hello(conversation: Chat, model: ModelServer) -> None:
    pieces = await conversation.asked(INTRODUCTION)
    assert words(pieces)[-1] == HELLO
    assert reason(pieces) == END.REASON_COMPLETE
    system = model.calls[0]["messages"][0]["content"]
    assert "de-DE" in system and "lb" in system
    await conversation.done()


async def test_it_says_the_quota_before_anything_is_said(conversation: Chat) -> None:
    metadata = dict(await conversation.call.initial_metadata())
    assert (metadata["x-quota-limit"], metadata["x-quota-remaining"]) == ("20", "20")
    await conversation.done()


async def test_words_grow(conversation: Chat, model: ModelServer) -> None:
    model.pace = 0.03
    pieces = await conversation.asked(says("Grüße 💪 " * 40))
    texts = words(pieces)
    assert len(texts) > 2
    assert all(later.startswith(text) for text, later in pairwise(texts))
    assert plans(pieces) == []


async def test_a_plan_grows(conversation: Chat, model: ModelServer) -> None:
    model.pace = 0.01
    pieces = await conversation.asked(says("A plan, please"))
    assert words(pieces)[-1] == HERE_IT_IS
    assert len(plans(pieces)) > 2
    assert plans(pieces)[-1] == plan_of(PLAN) != plans(pieces)[0]
    assert reason(pieces) == END.REASON_COMPLETE


async def test_it_remembers_what_was_said(conversation: Chat) -> None:
    await conversation.asked(INTRODUCTION)
    await conversation.asked(says("I like squats"))
    pieces = await conversation.asked(says("What did I say first?"))
    assert words(pieces)[-1] == "You said first: “I like squats”"


async def test_it_remembers_its_plan(conversation: Chat, model: ModelServer) -> None:
    await conversation.asked(says("A plan, please"))
    await conversation.asked(says("Thanks"))
    calls = [call for said in model.calls[1]["messages"] for call in said.get("tool_calls", ())]
    assert "Grüße an die Kraft" in calls[0]["function"]["arguments"]


async def test_a_restart_forgets(conversation: Chat) -> None:
    await conversation.asked(says("I like squats"))
    assert words(await conversation.asked(RESTART))[-1] == HELLO
    pieces = await conversation.asked(says("What did I say first?"))
    assert "squats" not in words(pieces)[-1]


async def test_a_stop_hangs_up(conversation: Chat, model: ModelServer, ai: Stub) -> None:
    model.faults.append(Fault.STALL)
    await conversation.say(says(LONG))
    await conversation.until_stalled(model)
    pieces = await conversation.asked(STOP)
    assert reason(pieces) == END.REASON_STOPPED
    await model.until(lambda: model.hung_up == 1)
    assert await left(ai) == LIMIT - 1
    assert reason(await conversation.asked(says("And now?"))) == END.REASON_COMPLETE
    await conversation.done()


async def test_half_a_plan_can_be_talked_about(conversation: Chat, model: ModelServer) -> None:
    model.faults.append(Fault.STALL)
    await conversation.say(says("A plan, please"))
    await model.until(lambda: model.stalled == 1)
    piece = await conversation.read()
    while not piece.HasField("plan"):
        piece = await conversation.read()
    assert reason(await conversation.asked(STOP)) == END.REASON_STOPPED
    assert reason(await conversation.asked(says("Shorter"))) == END.REASON_COMPLETE


async def test_a_restart_hangs_up(conversation: Chat, model: ModelServer) -> None:
    model.faults.append(Fault.STALL)
    await conversation.say(says(LONG))
    await conversation.until_stalled(model)
    assert reason(await conversation.asked(RESTART)) == END.REASON_STOPPED
    assert words(await conversation.answer())[-1] == HELLO
    await model.until(lambda: model.hung_up == 1)


async def test_a_stop_when_nothing_is_under_way_does_nothing(conversation: Chat) -> None:
    await conversation.say(STOP)
    assert reason(await conversation.asked(says("Hi"))) == END.REASON_COMPLETE
    await conversation.done()


async def test_an_answer_that_fails_leaves_the_conversation(
    conversation: Chat, model: ModelServer
) -> None:
    model.faults.append(Fault.CUT)
    pieces = await conversation.asked(says("I like squats"))
    assert reason(pieces) == END.REASON_FAILED
    error = pieces[-1].end.error
    assert error.code == grpc.StatusCode.UNAVAILABLE.value[0]
    assert detail(error, ErrorInfo).reason == "MODEL_FAILED"
    pieces = await conversation.asked(says("What did I say first?"))
    assert "squats" in words(pieces)[-1]
    await conversation.done()


async def test_who_leaves_hangs_up(conversation: Chat, model: ModelServer) -> None:
    model.faults.append(Fault.STALL)
    await conversation.say(says(LONG))
    await conversation.until_stalled(model)
    conversation.call.cancel()
    await model.until(lambda: model.hung_up == 1)


@pytest.mark.parametrize("method", ["GenerateWorkoutPlan", "GenerateSession", "StreamChat"])
async def test_who_leaves_another_call_hangs_up(ai: Stub, model: ModelServer, method: str) -> None:
    model.faults.append(Fault.STALL_EARLY)
    requests = {"GenerateWorkoutPlan": PLAN_WISH, "GenerateSession": SESSION_WISH}
    call = getattr(ai, method)(requests.get(method, history("Hi")), metadata=BUYER)
    await model.until(lambda: model.stalled == 1)
    call.cancel()
    await model.until(lambda: model.hung_up == 1)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(says(""), id="empty"),
        pytest.param(says("x" * 10_001), id="long"),
        pytest.param(ai_pb2.ChatRequest(), id="nothing"),
    ],
)
async def test_a_wrong_request_ends_the_conversation(
    conversation: Chat, request_: ai_pb2.ChatRequest
) -> None:
    await conversation.say(request_)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await conversation.call.read()
    error = caught.value
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert detail(status_in(error), BadRequest).field_violations


async def test_a_history_is_answered(ai: Stub, model: ModelServer) -> None:
    request = history("I like squats", "Good", "What did I say first?")
    request.introduction.locale = "German"
    call = ai.StreamChat(request, metadata=BUYER)
    pieces = [piece async for piece in call]
    assert words(pieces)[-1] == "You said first: “I like squats”"
    assert reason(pieces) == END.REASON_COMPLETE
    assert dict(await call.initial_metadata())["x-quota-remaining"] == "19"
    assert "en-AU" in model.calls[0]["messages"][0]["content"]


async def test_of_a_history_the_last_twenty_count(ai: Stub, model: ModelServer) -> None:
    request = history(*(f"Number {number}" for number in range(31)))
    async for _ in ai.StreamChat(request, metadata=BUYER):
        pass
    said = [message["content"] for message in model.calls[0]["messages"]]
    assert said[-20:] == [f"Number {number}" for number in range(11, 31)]
    assert "Number 10" not in said


async def test_an_answer_that_breaks_off_says_so(ai: Stub, model: ModelServer) -> None:
    model.faults.append(Fault.CUT)
    pieces = [piece async for piece in ai.StreamChat(history(LONG), metadata=BUYER)]
    assert words(pieces)
    assert reason(pieces) == END.REASON_FAILED
    assert detail(pieces[-1].end.error, ErrorInfo).reason == "MODEL_FAILED"


async def test_an_answer_that_never_began_is_an_error(ai: Stub, model: ModelServer) -> None:
    model.faults.append(Fault.WRONG_KEY)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(ai.StreamChat(history("Hi"), metadata=BUYER)))
    assert detail(status_in(caught.value), ErrorInfo).reason == "MODEL_UNAVAILABLE"


async def test_an_empty_history_is_greeted(ai: Stub) -> None:
    call = ai.StreamChat(ai_pb2.StreamChatRequest(), metadata=BUYER)
    pieces = [piece async for piece in call]
    assert words(pieces)[-1] == HELLO
    assert reason(pieces) == END.REASON_COMPLETE


async def test_a_history_holds_plans(ai: Stub, model: ModelServer) -> None:
    request = history("A plan, please", "Here:", "Shorter")
    request.history[1].plan.CopyFrom(plan_of(PLAN))
    async for _ in ai.StreamChat(request, metadata=BUYER):
        pass
    calls = [call for said in model.calls[0]["messages"] for call in said.get("tool_calls", ())]
    assert "Grüße an die Kraft" in calls[0]["function"]["arguments"]


async def test_a_plan_of_a_history_keeps_the_limits(ai: Stub) -> None:
    request = history("A plan, please", "Here:", "Shorter")
    request.history[1].plan.sessions.add().exercises.add().weighted.name = "x" * 101
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(ai.StreamChat(request, metadata=BUYER)))
    (violation,) = detail(status_in(caught.value), BadRequest).field_violations
    assert violation.field == "history[1].plan.sessions[0].exercises[0].weighted.name"


@pytest.mark.parametrize(
    "turns",
    [("Hi", "Hello"), ("Hi",) * 101, ("Hi", "Hello", "")],
    ids=["ends with the model", "long", "ends with nothing"],
)
async def test_a_history_must_end_with_the_person(
    ai: Stub, model: ModelServer, turns: tuple[str, ...]
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(ai.StreamChat(history(*turns), metadata=BUYER)))
    error = caught.value
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert detail(status_in(error), BadRequest).field_violations[0].field == "history"
    assert model.calls == []
    assert await left(ai) == LIMIT


async def test_without_a_model_it_says_which_setting_to_make(
    quota_database: str, fresh_quota: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("WEB_AUTH_API_KEY", TOKEN)
    monkeypatch.setenv("RATE_LIMIT_WEB_PER_DAY", str(LIMIT))
    socket = tmp_path / "worker.sock"
    async with (
        serving(socket, quota_database),
        grpc.aio.insecure_channel(f"unix:{socket}") as channel,
    ):
        assert await health(socket) == "ok"
        ai: Stub = ai_pb2_grpc.AiServiceStub(channel)
        for method in (plan, session, stream):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await method(ai, BUYER)
            assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
            assert "OPENAI_API_KEY" in str(caught.value.details())
        (end,) = await Chat(ai).asked(INTRODUCTION)
        assert end.end.error.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
        assert await left(ai) == LIMIT
