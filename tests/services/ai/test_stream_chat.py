"""A conversation whose history is sent along each time."""

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from gymlocker.v2 import ai_pb2

from server.services.ai.planner.parser import plan_of
from tests.services.ai.calling import (
    BUYER,
    END,
    LIMIT,
    LONG,
    Stub,
    detail,
    history,
    left,
    reason,
    status_in,
    words,
)
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN
from tests.services.ai.planner.script import HELLO, Fault

pytestmark = pytest.mark.asyncio(loop_scope="session")


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


async def test_a_text_of_the_person_may_have_32_kib(ai: Stub) -> None:
    longest, answer = "ß" * 16_384, "x" * 100_000
    call = ai.StreamChat(history("Hi", answer, longest), metadata=BUYER)
    assert longest in words([piece async for piece in call])[-1]
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
