"""AiService: authentication, quotas, and the methods without a conversation."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from gymlocker.v2 import ai_pb2, ai_pb2_grpc

from server.services.ai.planner.parser import parse_plan, parse_session
from tests.services.ai.calls import (
    BUYER,
    END,
    INTRODUCTION,
    LIMIT,
    METHODS,
    PLAN_REQUEST,
    RESTART,
    SESSION_REQUEST,
    TOKEN,
    WEB_KEY,
    Chat,
    Stub,
    detail,
    generate_plan,
    generate_session,
    history,
    message,
    remaining_answers,
    status_in,
    stream_chat,
)
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN, SESSION
from tests.services.ai.planner.script import Fault
from tests.support.worker import health, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


# The limit of the contract.
INTRODUCTIONS = 50
HISTORY = ai_pb2.StreamChatRequest()


async def use_up(connection: asyncpg.Connection) -> None:
    """Use up the quota 23 hours ago."""
    await connection.execute(
        "INSERT INTO rate_limit_consumptions VALUES "
        "($1, array_fill(now() - interval '23 hours', ARRAY[$2::int]))",
        *(WEB_KEY, LIMIT),
    )


class TestGenerateWorkoutPlan:
    async def test_returns_plan_and_quota(self, ai: Stub) -> None:
        call = ai.GenerateWorkoutPlan(PLAN_REQUEST, metadata=BUYER)
        assert await call == parse_plan(PLAN)
        metadata = dict(await call.initial_metadata())
        assert (metadata["x-quota-limit"], metadata["x-quota-remaining"]) == ("20", "19")
        assert 0 < int(metadata["x-quota-reset"]) <= 24 * 3600


class TestGenerateSession:
    async def test_returns_session_and_quota(self, ai: Stub) -> None:
        call = ai.GenerateSession(SESSION_REQUEST, metadata=BUYER)
        assert await call == parse_session(SESSION)
        assert dict(await call.initial_metadata())["x-quota-remaining"] == "19"

    async def test_concurrent_calls_do_not_exceed_the_quota(
        self, ai: Stub, model: ModelServer
    ) -> None:
        calls = [ai.GenerateSession(SESSION_REQUEST, metadata=BUYER) for _ in range(200)]
        codes = Counter([await call.code() for call in calls])
        assert codes == {grpc.StatusCode.OK: 20, grpc.StatusCode.RESOURCE_EXHAUSTED: 180}
        assert len(model.calls) == 20

    @pytest.mark.parametrize(
        ("fault", "remaining"), [(Fault.WRONG_KEY, LIMIT), (Fault.REFUSAL, LIMIT - 1)]
    )
    async def test_counts_only_answers_of_the_model(
        self, ai: Stub, model: ModelServer, fault: Fault, remaining: int
    ) -> None:
        model.faults.append(fault)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await generate_session(ai, BUYER)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert await remaining_answers(ai) == remaining


class TestGetQuota:
    async def test_returns_quota_before_and_after_a_call(self, ai: Stub) -> None:
        response = await ai.GetQuota(ai_pb2.GetQuotaRequest(), metadata=BUYER)
        assert response == ai_pb2.GetQuotaResponse(limit=LIMIT, remaining=LIMIT)
        await generate_session(ai, BUYER)
        response = await ai.GetQuota(ai_pb2.GetQuotaRequest(), metadata=BUYER)
        assert (response.remaining, response.HasField("reset")) == (LIMIT - 1, True)


class TestIntroduction:
    async def test_has_a_limit_of_its_own(
        self, ai: Stub, conversation: Chat, connection: asyncpg.Connection
    ) -> None:
        # The app sends an introduction each time it is opened, even with a used-up quota.
        await use_up(connection)
        for number in range(INTRODUCTIONS):
            # With an empty history, the model answers each of these with a greeting.
            if number % 3 == 0:
                responses = await conversation.ask(INTRODUCTION)
            elif number % 3 == 1:
                responses = await conversation.ask(RESTART)
            else:
                responses = [response async for response in ai.StreamChat(HISTORY, metadata=BUYER)]
            assert responses[-1].end.reason == END.REASON_COMPLETE
        (end,) = await conversation.ask(INTRODUCTION)
        assert end.end.reason == END.REASON_FAILED
        assert detail(end.end.error, ErrorInfo).reason == "QUOTA_EXHAUSTED"
        assert detail(end.end.error, RetryInfo).retry_delay.seconds > 0
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(ai.StreamChat(HISTORY, metadata=BUYER)))
        assert detail(status_in(caught.value), ErrorInfo).reason == "QUOTA_EXHAUSTED"

    async def test_does_not_change_the_quota(self, ai: Stub, conversation: Chat) -> None:
        await conversation.ask(INTRODUCTION)
        call = ai.StreamChat(HISTORY, metadata=BUYER)
        assert [response async for response in call]
        assert dict(await call.initial_metadata())["x-quota-remaining"] == str(LIMIT)
        assert await remaining_answers(ai) == LIMIT


class TestAllMethods:
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
    async def test_require_purchase_token(
        self, ai: Stub, model: ModelServer, method: Callable[..., Any], metadata: Any
    ) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(ai, metadata)
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert model.calls == []
        assert await remaining_answers(ai) == LIMIT

    @pytest.mark.parametrize("method", [generate_plan, generate_session, stream_chat])
    async def test_name_the_retry_delay_of_a_used_up_quota(
        self,
        ai: Stub,
        connection: asyncpg.Connection,
        model: ModelServer,
        method: Callable[..., Any],
    ) -> None:
        await use_up(connection)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(ai, BUYER)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        status = status_in(caught.value)
        assert detail(status, ErrorInfo).reason == "QUOTA_USED_UP"
        assert 0 < detail(status, RetryInfo).retry_delay.seconds <= 3600
        assert model.calls == []

    async def test_used_up_quota_does_not_end_a_conversation(
        self, conversation: Chat, connection: asyncpg.Connection
    ) -> None:
        await use_up(connection)
        for _ in range(2):
            (end,) = await conversation.ask(message("Hi"))
            assert end.end.reason == END.REASON_FAILED
            assert end.end.error.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
            assert detail(end.end.error, RetryInfo).retry_delay.seconds > 0
        await conversation.finish()

    @pytest.mark.parametrize("method", ["GenerateWorkoutPlan", "GenerateSession", "StreamChat"])
    async def test_cancelling_hangs_up_on_the_model(
        self, ai: Stub, model: ModelServer, method: str
    ) -> None:
        model.faults.append(Fault.STALL_EARLY)
        requests = {"GenerateWorkoutPlan": PLAN_REQUEST, "GenerateSession": SESSION_REQUEST}
        call = getattr(ai, method)(requests.get(method, history("Hi")), metadata=BUYER)
        await model.until(lambda: model.stalled == 1)
        call.cancel()
        await model.until(lambda: model.hung_up == 1)

    async def test_name_the_missing_setting_without_a_model(
        self,
        quota_database: str,
        empty_quota: None,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
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
            for method in (generate_plan, generate_session, stream_chat):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await method(ai, BUYER)
                assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
                assert "OPENAI_API_KEY" in str(caught.value.details())
            (end,) = await Chat(ai).ask(INTRODUCTION)
            assert end.end.error.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
            assert await remaining_answers(ai) == LIMIT
