"""Who may ask the planner and how often, and what each of its calls answers."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from gymlocker.v2 import ai_pb2, ai_pb2_grpc

from server.services.ai.planner.parser import plan_of, session_of
from tests.services.ai.calling import (
    BUYER,
    END,
    INTRODUCTION,
    LIMIT,
    PLAN_WISH,
    RESTART,
    SESSION_WISH,
    TOKEN,
    WEB_KEY,
    Chat,
    Stub,
    detail,
    history,
    left,
    says,
    status_in,
)
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN, SESSION
from tests.services.ai.planner.script import Fault
from tests.support.worker import health, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


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


# As the contract bounds them.
INTRODUCTIONS = 50
HISTORY = ai_pb2.StreamChatRequest()
METHODS = [plan, session, chat, stream, quota]


# --- Who has paid ---


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


# --- How often ---


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


async def test_introductions_use_up_no_quota_and_have_a_bound(
    ai: Stub, conversation: Chat, connection: asyncpg.Connection
) -> None:
    # The app introduces at every opening, whether or not answers are left.
    await use_up(connection)
    for number in range(INTRODUCTIONS):
        # With nothing said before, each of these makes the model say hello.
        if number % 3 == 0:
            pieces = await conversation.asked(INTRODUCTION)
        elif number % 3 == 1:
            pieces = await conversation.asked(RESTART)
        else:
            pieces = [piece async for piece in ai.StreamChat(HISTORY, metadata=BUYER)]
        assert pieces[-1].end.reason == END.REASON_COMPLETE
    (end,) = await conversation.asked(INTRODUCTION)
    assert end.end.reason == END.REASON_FAILED
    assert detail(end.end.error, ErrorInfo).reason == "QUOTA_EXHAUSTED"
    assert detail(end.end.error, RetryInfo).retry_delay.seconds > 0
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(ai.StreamChat(HISTORY, metadata=BUYER)))
    assert detail(status_in(caught.value), ErrorInfo).reason == "QUOTA_EXHAUSTED"


async def test_an_introduction_leaves_the_quota_as_it_is(ai: Stub, conversation: Chat) -> None:
    await conversation.asked(INTRODUCTION)
    call = ai.StreamChat(HISTORY, metadata=BUYER)
    assert [piece async for piece in call]
    assert dict(await call.initial_metadata())["x-quota-remaining"] == str(LIMIT)
    assert await left(ai) == LIMIT


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


# --- What goes wrong ---


@pytest.mark.parametrize("method", ["GenerateWorkoutPlan", "GenerateSession", "StreamChat"])
async def test_who_leaves_another_call_hangs_up(ai: Stub, model: ModelServer, method: str) -> None:
    model.faults.append(Fault.STALL_EARLY)
    requests = {"GenerateWorkoutPlan": PLAN_WISH, "GenerateSession": SESSION_WISH}
    call = getattr(ai, method)(requests.get(method, history("Hi")), metadata=BUYER)
    await model.until(lambda: model.stalled == 1)
    call.cancel()
    await model.until(lambda: model.hung_up == 1)


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
