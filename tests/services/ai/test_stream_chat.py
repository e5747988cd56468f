"""AiService.StreamChat."""

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from gymlocker.v2 import ai_pb2

from server.services.ai.planner.parser import parse_plan
from tests.services.ai.calls import (
    BUYER,
    END,
    LIMIT,
    LONG,
    Stub,
    detail,
    end_reason,
    history,
    remaining_answers,
    status_in,
    texts_of,
)
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN
from tests.services.ai.planner.script import HELLO, Fault

pytestmark = pytest.mark.asyncio(loop_scope="session")


class TestStreamChat:
    async def test_answers_the_last_message(self, ai: Stub, model: ModelServer) -> None:
        request = history("I like squats", "Good", "What did I say first?")
        request.introduction.locale = "German"
        call = ai.StreamChat(request, metadata=BUYER)
        responses = [response async for response in call]
        assert texts_of(responses)[-1] == "You said first: “I like squats”"
        assert end_reason(responses) == END.REASON_COMPLETE
        assert dict(await call.initial_metadata())["x-quota-remaining"] == "19"
        assert "en-AU" in model.calls[0]["messages"][0]["content"]

    async def test_answers_an_empty_history_with_a_greeting(self, ai: Stub) -> None:
        call = ai.StreamChat(ai_pb2.StreamChatRequest(), metadata=BUYER)
        responses = [response async for response in call]
        assert texts_of(responses)[-1] == HELLO
        assert end_reason(responses) == END.REASON_COMPLETE

    async def test_sends_the_latest_twenty_messages_to_the_model(
        self, ai: Stub, model: ModelServer
    ) -> None:
        request = history(*(f"Number {number}" for number in range(31)))
        async for _ in ai.StreamChat(request, metadata=BUYER):
            pass
        contents = [message["content"] for message in model.calls[0]["messages"]]
        assert contents[-20:] == [f"Number {number}" for number in range(11, 31)]
        assert "Number 10" not in contents

    async def test_sends_plans_of_the_history_to_the_model(
        self, ai: Stub, model: ModelServer
    ) -> None:
        request = history("A plan, please", "Here:", "Shorter")
        request.history[1].plan.CopyFrom(parse_plan(PLAN))
        async for _ in ai.StreamChat(request, metadata=BUYER):
            pass
        calls = [
            call for message in model.calls[0]["messages"] for call in message.get("tool_calls", ())
        ]
        assert "Grüße an die Kraft" in calls[0]["function"]["arguments"]

    async def test_rejects_plan_beyond_the_limits(self, ai: Stub) -> None:
        request = history("A plan, please", "Here:", "Shorter")
        request.history[1].plan.sessions.add().exercises.add().weighted.name = "x" * 101
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(ai.StreamChat(request, metadata=BUYER)))
        (violation,) = detail(status_in(caught.value), BadRequest).field_violations
        assert violation.field == "history[1].plan.sessions[0].exercises[0].weighted.name"

    async def test_limits_messages_of_the_user_to_32_kib(self, ai: Stub) -> None:
        longest, answer = "ß" * 16_384, "x" * 100_000
        call = ai.StreamChat(history("Hi", answer, longest), metadata=BUYER)
        assert longest in texts_of([response async for response in call])[-1]
        for texts in ((f"{longest}x",), (f"{longest}x", "Good", "Hi")):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await anext(aiter(ai.StreamChat(history(*texts), metadata=BUYER)))
            (violation,) = detail(status_in(caught.value), BadRequest).field_violations
            assert violation.field == "history[0]"
            assert "at most 32768 bytes" in violation.description

    @pytest.mark.parametrize(
        "turns",
        [("Hi", "Hello"), ("Hi",) * 101, ("Hi", "Hello", "")],
        ids=["ends with the model", "long", "ends with nothing"],
    )
    async def test_rejects_history_without_a_message_to_answer(
        self, ai: Stub, model: ModelServer, turns: tuple[str, ...]
    ) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(ai.StreamChat(history(*turns), metadata=BUYER)))
        error = caught.value
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert detail(status_in(error), BadRequest).field_violations[0].field == "history"
        assert model.calls == []
        assert await remaining_answers(ai) == LIMIT

    async def test_reports_an_interrupted_answer_in_its_end(
        self, ai: Stub, model: ModelServer
    ) -> None:
        model.faults.append(Fault.CUT)
        responses = [response async for response in ai.StreamChat(history(LONG), metadata=BUYER)]
        assert texts_of(responses)
        assert end_reason(responses) == END.REASON_FAILED
        assert detail(responses[-1].end.error, ErrorInfo).reason == "MODEL_FAILED"

    async def test_fails_if_the_answer_never_began(self, ai: Stub, model: ModelServer) -> None:
        model.faults.append(Fault.WRONG_KEY)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(ai.StreamChat(history("Hi"), metadata=BUYER)))
        assert detail(status_in(caught.value), ErrorInfo).reason == "MODEL_UNAVAILABLE"
