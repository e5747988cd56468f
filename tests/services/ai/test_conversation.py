"""A conversation, with a speaker that waits for the tests."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from gymlocker.v2 import ai_pb2, plan_pb2

from server.errors import ResourceExhausted
from server.services.ai.conversation import MAX_WAITING, Conversation
from server.services.ai.planner.planner import MAX_CHARACTERS, MAX_TURNS, Turn, recent

END = ai_pb2.ChatEnd
STOP = ai_pb2.ChatRequest(stop=ai_pb2.StopInProgress())
RESTART = ai_pb2.ChatRequest(restart=ai_pb2.RestartChat())


class FakeSpeaker:
    """Repeats what was said last, with a plan; does not get to the end if that was "wait"."""

    def __init__(self) -> None:
        self.histories: list[list[Turn]] = []
        self.closed = 0

    async def answer(
        self, history: Sequence[Turn], introduction: ai_pb2.Introduction
    ) -> AsyncGenerator[ai_pb2.ChatResponse]:
        self.histories.append(list(history))
        last = history[-1].text if history else "hello"
        try:
            yield ai_pb2.ChatResponse(message=last)
            if last == "wait":
                await asyncio.Event().wait()
            yield ai_pb2.ChatResponse(plan=plan_pb2.Plan(name=last))
        finally:
            self.closed += 1


def says(text: str) -> ai_pb2.ChatRequest:
    return ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text=text))


async def sent(*requests: ai_pb2.ChatRequest) -> AsyncIterator[ai_pb2.ChatRequest]:
    """Requests that come all at once."""
    for request in requests:
        yield request


def conversation(speaker: FakeSpeaker) -> Conversation:
    fake: Any = speaker
    return Conversation(fake)


async def ends(speaker: FakeSpeaker, *requests: ai_pb2.ChatRequest) -> list[int]:
    """How the answers end."""
    responses = conversation(speaker).run(sent(*requests))
    return [response.end.reason async for response in responses if response.HasField("end")]


@pytest.fixture
def speaker() -> FakeSpeaker:
    return FakeSpeaker()


async def test_what_is_stopped_before_it_began_asks_no_model(speaker: FakeSpeaker) -> None:
    assert await ends(speaker, says("Hi"), STOP) == [END.REASON_STOPPED]
    assert speaker.histories == []


async def test_a_stop_reaches_the_one_that_is_under_way_alone(speaker: FakeSpeaker) -> None:
    found = await ends(speaker, says("one"), STOP, says("two"))
    assert found == [END.REASON_STOPPED, END.REASON_COMPLETE]


async def test_after_a_restart_each_that_waited_has_its_end(speaker: FakeSpeaker) -> None:
    found = await ends(speaker, says("one"), says("two"), RESTART)
    assert found == [END.REASON_STOPPED, END.REASON_STOPPED, END.REASON_COMPLETE]
    assert speaker.histories == [[]]


async def test_not_too_many_wait(speaker: FakeSpeaker) -> None:
    found = await ends(speaker, *[says("Hi")] * (MAX_WAITING + 1))
    assert found == [END.REASON_COMPLETE] * (MAX_WAITING + 1)
    with pytest.raises(ResourceExhausted) as caught:
        await ends(speaker, *[says("Hi")] * (MAX_WAITING + 2))
    assert caught.value.reason == "TOO_MANY_MESSAGES"


async def test_the_last_twenty_are_kept_with_their_plans(speaker: FakeSpeaker) -> None:
    await ends(speaker, *(says(str(number)) for number in range(15)))
    history = speaker.histories[-1]
    assert len(history) == MAX_TURNS
    assert history[-2:] == [
        Turn("assistant", "13", plan_pb2.Plan(name="13")),
        Turn("user", "14"),
    ]


def test_long_messages_push_out_older_ones() -> None:
    old, half, last = (Turn("user", "x" * (MAX_CHARACTERS // 2)) for _ in range(3))
    assert recent([old, half, last]) == [half, last]
    plan = Turn("assistant", "", plan_pb2.Plan(name="x"))
    assert recent([old, plan, half, last]) == [half, last]
    too_long = Turn("user", "x" * (MAX_CHARACTERS + 1))
    assert recent([old, too_long]) == [too_long]


async def test_who_leaves_early_leaves_nothing_behind(speaker: FakeSpeaker) -> None:
    async with aclosing(conversation(speaker).run(sent(says("wait"), says("Hi")))) as responses:
        assert (await anext(responses)).message == "wait"
    assert speaker.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}
