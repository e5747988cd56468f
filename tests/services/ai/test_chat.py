"""AiService.Chat."""

from itertools import pairwise

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from gymlocker.v2 import ai_pb2

from server.services.ai.planner.parser import parse_plan
from tests.services.ai.calls import (
    END,
    INTRODUCTION,
    LIMIT,
    LONG,
    RESTART,
    STOP,
    Chat,
    Stub,
    detail,
    end_reason,
    message,
    plans_of,
    remaining_answers,
    status_in,
    texts_of,
)
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN
from tests.services.ai.planner.script import HELLO, HERE_IT_IS, Fault

pytestmark = pytest.mark.asyncio(loop_scope="session")


class TestChat:
    async def test_answers_an_introduction_with_a_greeting(
        self, conversation: Chat, model: ModelServer
    ) -> None:
        responses = await conversation.ask(INTRODUCTION)
        assert texts_of(responses)[-1] == HELLO
        assert end_reason(responses) == END.REASON_COMPLETE
        system = model.calls[0]["messages"][0]["content"]
        assert "de-DE" in system and "lb" in system
        await conversation.finish()

    async def test_applies_the_introduction_of_a_message(
        self, conversation: Chat, model: ModelServer
    ) -> None:
        request = message("Hi")
        request.introduction.CopyFrom(INTRODUCTION.introduce)
        for one in (request, message("And now?")):
            assert end_reason(await conversation.ask(one)) == END.REASON_COMPLETE
        assert len(model.calls) == 2
        for call in model.calls:
            system = call["messages"][0]["content"]
            assert "de-DE" in system and "lb" in system

    async def test_sends_the_quota_before_the_first_request(self, conversation: Chat) -> None:
        metadata = dict(await conversation.call.initial_metadata())
        assert (metadata["x-quota-limit"], metadata["x-quota-remaining"]) == ("20", "20")
        await conversation.finish()

    async def test_streams_growing_texts(self, conversation: Chat, model: ModelServer) -> None:
        model.pace = 0.03
        responses = await conversation.ask(message("Grüße 💪 " * 40))
        texts = texts_of(responses)
        assert len(texts) > 2
        assert all(later.startswith(text) for text, later in pairwise(texts))
        assert plans_of(responses) == []

    async def test_streams_growing_plans(self, conversation: Chat, model: ModelServer) -> None:
        model.pace = 0.01
        responses = await conversation.ask(message("A plan, please"))
        assert texts_of(responses)[-1] == HERE_IT_IS
        assert len(plans_of(responses)) > 2
        assert plans_of(responses)[-1] == parse_plan(PLAN) != plans_of(responses)[0]
        assert end_reason(responses) == END.REASON_COMPLETE

    async def test_remembers_messages(self, conversation: Chat) -> None:
        await conversation.ask(INTRODUCTION)
        await conversation.ask(message("I like squats"))
        responses = await conversation.ask(message("What did I say first?"))
        assert texts_of(responses)[-1] == "You said first: “I like squats”"

    async def test_remembers_plans(self, conversation: Chat, model: ModelServer) -> None:
        await conversation.ask(message("A plan, please"))
        await conversation.ask(message("Thanks"))
        calls = [
            call for message in model.calls[1]["messages"] for call in message.get("tool_calls", ())
        ]
        assert "Grüße an die Kraft" in calls[0]["function"]["arguments"]

    async def test_restart_clears_the_history(self, conversation: Chat) -> None:
        await conversation.ask(message("I like squats"))
        assert texts_of(await conversation.ask(RESTART))[-1] == HELLO
        responses = await conversation.ask(message("What did I say first?"))
        assert "squats" not in texts_of(responses)[-1]

    async def test_restart_hangs_up_on_the_model(
        self, conversation: Chat, model: ModelServer
    ) -> None:
        model.faults.append(Fault.STALL)
        await conversation.send(message(LONG))
        await conversation.until_stalled(model)
        assert end_reason(await conversation.ask(RESTART)) == END.REASON_STOPPED
        assert texts_of(await conversation.answer())[-1] == HELLO
        await model.until(lambda: model.hung_up == 1)

    async def test_stop_hangs_up_on_the_model_and_counts(
        self, conversation: Chat, model: ModelServer, ai: Stub
    ) -> None:
        model.faults.append(Fault.STALL)
        await conversation.send(message(LONG))
        await conversation.until_stalled(model)
        responses = await conversation.ask(STOP)
        assert end_reason(responses) == END.REASON_STOPPED
        await model.until(lambda: model.hung_up == 1)
        assert await remaining_answers(ai) == LIMIT - 1
        assert end_reason(await conversation.ask(message("And now?"))) == END.REASON_COMPLETE
        await conversation.finish()

    async def test_continues_after_a_partial_plan(
        self, conversation: Chat, model: ModelServer
    ) -> None:
        model.faults.append(Fault.STALL)
        await conversation.send(message("A plan, please"))
        await model.until(lambda: model.stalled == 1)
        response = await conversation.read()
        while not response.HasField("plan"):
            response = await conversation.read()
        assert end_reason(await conversation.ask(STOP)) == END.REASON_STOPPED
        assert end_reason(await conversation.ask(message("Shorter"))) == END.REASON_COMPLETE

    async def test_ignores_stop_without_an_answer_in_flight(self, conversation: Chat) -> None:
        await conversation.send(STOP)
        assert end_reason(await conversation.ask(message("Hi"))) == END.REASON_COMPLETE
        await conversation.finish()

    @pytest.mark.parametrize("text", ["x" * 32_768, "💪" * 8_192], ids=["ascii", "emoji"])
    async def test_accepts_message_of_32_kib(self, conversation: Chat, text: str) -> None:
        responses = await conversation.ask(message(text))
        assert text in texts_of(responses)[-1]
        assert end_reason(responses) == END.REASON_COMPLETE

    async def test_continues_after_a_failed_answer(
        self, conversation: Chat, model: ModelServer
    ) -> None:
        model.faults.append(Fault.CUT)
        responses = await conversation.ask(message("I like squats"))
        assert end_reason(responses) == END.REASON_FAILED
        error = responses[-1].end.error
        assert error.code == grpc.StatusCode.UNAVAILABLE.value[0]
        assert detail(error, ErrorInfo).reason == "MODEL_FAILED"
        responses = await conversation.ask(message("What did I say first?"))
        assert "squats" in texts_of(responses)[-1]
        await conversation.finish()

    async def test_cancelling_hangs_up_on_the_model(
        self, conversation: Chat, model: ModelServer
    ) -> None:
        model.faults.append(Fault.STALL)
        await conversation.send(message(LONG))
        await conversation.until_stalled(model)
        conversation.call.cancel()
        await model.until(lambda: model.hung_up == 1)

    @pytest.mark.parametrize(
        "request_",
        [
            pytest.param(message(""), id="empty"),
            pytest.param(message("x" * 32_769), id="long"),
            pytest.param(message("ß" * 16_385), id="long in bytes"),
            pytest.param(ai_pb2.ChatRequest(), id="nothing"),
        ],
    )
    async def test_rejects_invalid_request(
        self, conversation: Chat, request_: ai_pb2.ChatRequest
    ) -> None:
        await conversation.send(request_)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await conversation.call.read()
        error = caught.value
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert detail(status_in(error), BadRequest).field_violations
