"""Order, end and history of a conversation's answers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from gymlocker.v2 import ai_pb2, plan_pb2

from server.errors import ResourceExhausted
from server.services.ai.conversation import MAX_WAITING, Conversation
from server.services.ai.planner.planner import MAX_CHARACTERS, MAX_MESSAGES, ChatMessage, recent

END = ai_pb2.ChatEnd
STOP = ai_pb2.ChatRequest(stop=ai_pb2.StopInProgress())
RESTART = ai_pb2.ChatRequest(restart=ai_pb2.RestartChat())


class FakeSession:
    """A session that repeats the last message with a plan, and stalls if it is "wait"."""

    def __init__(self) -> None:
        self.histories: list[list[ChatMessage]] = []
        self.closed = 0

    async def reply(
        self, history: Sequence[ChatMessage], introduction: ai_pb2.Introduction
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


def message(text: str) -> ai_pb2.ChatRequest:
    return ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text=text))


async def stream(*requests: ai_pb2.ChatRequest) -> AsyncIterator[ai_pb2.ChatRequest]:
    """Yield all requests at once."""
    for request in requests:
        yield request


def conversation(session: FakeSession) -> Conversation:
    fake: Any = session
    return Conversation(fake)


async def ends(session: FakeSession, *requests: ai_pb2.ChatRequest) -> list[int]:
    """Return the reasons with which the answers end."""
    responses = conversation(session).run(stream(*requests))
    return [response.end.reason async for response in responses if response.HasField("end")]


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


class TestConversation:
    async def test_answer_stopped_before_its_start_calls_no_model(
        self, session: FakeSession
    ) -> None:
        assert await ends(session, message("Hi"), STOP) == [END.REASON_STOPPED]
        assert session.histories == []

    async def test_stop_ends_only_the_answer_in_flight(self, session: FakeSession) -> None:
        found = await ends(session, message("one"), STOP, message("two"))
        assert found == [END.REASON_STOPPED, END.REASON_COMPLETE]

    async def test_restart_ends_every_waiting_request(self, session: FakeSession) -> None:
        found = await ends(session, message("one"), message("two"), RESTART)
        assert found == [END.REASON_STOPPED, END.REASON_STOPPED, END.REASON_COMPLETE]
        assert session.histories == [[]]

    async def test_rejects_too_many_waiting_requests(self, session: FakeSession) -> None:
        found = await ends(session, *[message("Hi")] * (MAX_WAITING + 1))
        assert found == [END.REASON_COMPLETE] * (MAX_WAITING + 1)
        with pytest.raises(ResourceExhausted) as caught:
            await ends(session, *[message("Hi")] * (MAX_WAITING + 2))
        assert caught.value.reason == "TOO_MANY_MESSAGES"

    async def test_keeps_the_latest_messages_with_their_plans(self, session: FakeSession) -> None:
        await ends(session, *(message(str(number)) for number in range(15)))
        history = session.histories[-1]
        assert len(history) == MAX_MESSAGES
        assert history[-2:] == [
            ChatMessage("assistant", "13", plan_pb2.Plan(name="13")),
            ChatMessage("user", "14"),
        ]

    async def test_closing_early_leaves_no_task_behind(self, session: FakeSession) -> None:
        async with aclosing(
            conversation(session).run(stream(message("wait"), message("Hi")))
        ) as responses:
            assert (await anext(responses)).message == "wait"
        assert session.closed == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}


class TestRecent:
    def test_drops_older_messages_beyond_the_characters(self) -> None:
        old, half, last = (ChatMessage("user", "x" * (MAX_CHARACTERS // 2)) for _ in range(3))
        assert recent([old, half, last]) == [half, last]
        plan = ChatMessage("assistant", "", plan_pb2.Plan(name="x"))
        assert recent([old, plan, half, last]) == [half, last]
        too_long = ChatMessage("user", "x" * (MAX_CHARACTERS + 1))
        assert recent([old, too_long]) == [too_long]
