"""A conversation with the planner, with a model that is the model server."""

from itertools import pairwise

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from gymlocker.v2 import ai_pb2

from server.services.ai.planner.parser import plan_of
from tests.services.ai.calling import (
    END,
    INTRODUCTION,
    LIMIT,
    LONG,
    RESTART,
    STOP,
    Chat,
    Stub,
    detail,
    left,
    plans,
    reason,
    says,
    status_in,
    words,
)
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN
from tests.services.ai.planner.script import HELLO, HERE_IT_IS, Fault

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_it_says_hello(conversation: Chat, model: ModelServer) -> None:
    pieces = await conversation.asked(INTRODUCTION)
    assert words(pieces)[-1] == HELLO
    assert reason(pieces) == END.REASON_COMPLETE
    system = model.calls[0]["messages"][0]["content"]
    assert "de-DE" in system and "lb" in system
    await conversation.done()


async def test_how_to_talk_may_be_said_beside_a_message(
    conversation: Chat, model: ModelServer
) -> None:
    request = says("Hi")
    request.introduction.CopyFrom(INTRODUCTION.introduce)
    for one in (request, says("And now?")):
        assert reason(await conversation.asked(one)) == END.REASON_COMPLETE
    assert len(model.calls) == 2
    for call in model.calls:
        system = call["messages"][0]["content"]
        assert "de-DE" in system and "lb" in system


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


@pytest.mark.parametrize("text", ["x" * 32_768, "💪" * 8_192], ids=["ascii", "emoji"])
async def test_a_text_may_have_32_kib(conversation: Chat, text: str) -> None:
    pieces = await conversation.asked(says(text))
    assert text in words(pieces)[-1]
    assert reason(pieces) == END.REASON_COMPLETE


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


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(says(""), id="empty"),
        pytest.param(says("x" * 32_769), id="long"),
        pytest.param(says("ß" * 16_385), id="long in bytes"),
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
