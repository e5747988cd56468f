"""Calls whose answers are stopped or fail, or whose stream breaks."""

import pytest

from .client import Front, failure, message
from .conftest import serving
from .fake_api import FakeAi, fake_api


async def test_stop_interrupts_answer(front: Front, api: FakeAi) -> None:
    async with front.connect() as signal:
        call_id = await signal.call("SendMessage", "wait")
        assert (await signal.receive())["arguments"][0]["message"] == "Waiting"
        stopping = await signal.call("StopInProgress")
        assert await signal.until_completed(call_id) == ([], None)
        assert await signal.until_completed(stopping) == ([], None)
        messages, error = await signal.invoke("SendMessage", "next")
        assert (messages[-1]["message"], error) == ("You said next", None)
    assert api.heard == ["message wait", "stop", "message next"]


@pytest.mark.parametrize("method", ["StopInProgress", "RestartChat"])
async def test_stop_is_not_blocked_by_two_messages(front: Front, api: FakeAi, method: str) -> None:
    async with front.connect() as signal:
        call_id = await signal.call("SendMessage", "wait")
        assert (await signal.receive())["arguments"][0]["message"] == "Waiting"
        await signal.call("SendMessage", "next")
        await api.until(lambda: len(api.heard) == 2)
        await signal.call(method)
        texts: list[str] = []
        completed: list[str] = []
        while len(completed) < 3:
            message = await signal.receive()
            if message["type"] == 3:
                completed.append(message["invocationId"])
            else:
                texts.append(message["arguments"][0]["message"])
        assert "You said next" in texts
        assert completed.index(call_id) < completed.index("2")


async def test_stop_without_answer_does_nothing(front: Front, api: FakeAi) -> None:
    async with front.connect() as signal:
        assert await signal.invoke("StopInProgress") == ([], None)
        await signal.invoke("Introduce", "en-AU")
        assert await signal.invoke("StopInProgress") == ([], None)
    assert api.heard == ["introduce"]


async def test_restart_stops_answer_in_flight(front: Front, api: FakeAi) -> None:
    async with front.connect() as signal:
        call_id = await signal.call("SendMessage", "wait")
        assert (await signal.receive())["arguments"][0]["message"] == "Waiting"
        restarting = await signal.call("RestartChat")
        assert await signal.until_completed(call_id) == ([], None)
        messages, error = await signal.until_completed(restarting)
        assert (messages[-1]["message"], error) == ("Hello again", None)
    assert api.heard == ["message wait", "stop", "restart"]


async def test_answers_arrive_in_order(front: Front) -> None:
    async with front.connect() as signal:
        calls = [signal.invocation("SendMessage", f"no {number}") for number in range(5)]
        await signal.send(*calls)
        for number, call in enumerate(calls):
            messages, error = await signal.until_completed(call["invocationId"])
            assert (messages[-1]["message"], error) == (f"You said no {number}", None)


async def test_limits_concurrent_and_waiting_calls(api: FakeAi) -> None:
    api.may_answer.clear()
    async with serving(api.address, waiting_calls=3) as front, front.connect() as signal:
        calls = [signal.invocation("SendMessage", str(number)) for number in range(7)]
        await signal.send(*calls)
        for number in (6, 7):
            assert await signal.until_completed(str(number)) == failure(
                "Too many calls are waiting. Try again later."
            )
        await api.until(lambda: len(api.heard) == 2)
        for _ in range(10):
            assert (await signal.invoke("Nothing"))[1]
        assert len(api.heard) == 2
        api.may_answer.set()
        for number in range(5):
            messages, _ = await signal.until_completed(str(number + 1))
            assert messages[-1]["message"] == f"You said {number}"
    assert api.heard == [f"message {number}" for number in range(5)]


async def test_failed_answer_fails_only_its_call(front: Front, api: FakeAi) -> None:
    async with front.connect() as signal:
        messages, error = await signal.invoke("SendMessage", "fail")
        assert message("I would") in messages
        # Apps show the last message, so it contains the whole text so far.
        assert messages[-1] == message("I would\n\nThe model is out of reach.")
        assert error == "The model is out of reach."
        _, error = await signal.invoke("SendMessage", "next")
        assert error is None
    assert len(api.chats) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("quota", "The quota is used up."),
        ("revoked", "The token is not good."),
        ("drop", "The server cannot answer right now. Try again."),
        ("odd", "Something went wrong in the server."),
    ],
)
async def test_ended_stream_fails_calls_and_next_call_opens_another(
    front: Front, api: FakeAi, text: str, sentence: str
) -> None:
    async with front.connect() as signal:
        calls = [signal.invocation("SendMessage", message) for message in (text, "lost")]
        api.may_answer.clear()
        await signal.send(*calls)
        await api.until(lambda: len(api.heard) == 2)
        api.may_answer.set()
        assert await signal.until_completed("1") == failure(sentence)
        assert await signal.until_completed("2") == failure(sentence)
        messages, error = await signal.invoke("SendMessage", "next")
        assert (messages[-1]["message"], error) == ("You said next", None)
    assert len(api.chats) == 2


async def test_introduction_is_repeated_on_next_stream(front: Front, api: FakeAi) -> None:
    async with front.connect() as signal:
        _, error = await signal.invoke("Introduce", "drop")
        assert error
        for text in ("one", "two"):
            _, error = await signal.invoke("SendMessage", text)
            assert error is None
    assert len(api.chats) == 2
    # Once for each stream; on the first, the event itself carried it.
    assert api.locales == ["", "drop", ""]


async def test_lost_history_closes_connection(front: Front) -> None:
    async with front.connect() as signal:
        await signal.invoke("Introduce", "en-AU")
        messages, error = await signal.invoke("SendMessage", "break")
        assert error == "The server cannot answer right now. Try again."
        assert messages[-1] == message(f"I\n\n{error}")
        close = {"type": 7, "error": "The conversation was interrupted.", "allowReconnect": True}
        assert await signal.receive() == close


async def test_call_without_id_gets_no_completion(front: Front) -> None:
    async with front.connect() as signal:
        for text in ("hi", "fail"):
            await signal.send(signal.invocation("SendMessage", text, wants_answer=False))
        await signal.send(signal.invocation("Nothing", wants_answer=False))
        messages, error = await signal.invoke("SendMessage", "next")
        assert (messages[-1]["message"], error) == ("You said next", None)


async def test_stream_ends_with_connection(front: Front, api: FakeAi) -> None:
    async with front.connect() as signal:
        await signal.call("SendMessage", "wait")
        await api.until(lambda: api.open_chats == 1)
    await api.until(lambda: api.open_chats == 0)


async def test_stream_ends_with_lost_connection(front: Front, api: FakeAi) -> None:
    async with front.connect() as signal:
        await signal.call("SendMessage", "wait")
        await api.until(lambda: api.open_chats == 1)
        signal.socket.transport.abort()
        await api.until(lambda: api.open_chats == 0)


async def test_opens_no_stream_without_messages(front: Front, api: FakeAi) -> None:
    async with front.connect() as signal:
        await signal.invoke("StopInProgress")
    assert api.chats == []


async def test_stream_carries_token_and_request_id(front: Front, api: FakeAi) -> None:
    headers = {"authorization": "Bearer Web good", "x-request-id": "a-request"}
    async with front.connect(token=None, additional_headers=headers) as signal:
        await signal.invoke("Introduce", "en-AU")
    for metadata in (api.checks[0], api.chats[0]):
        assert metadata["authorization"] == "Bearer Web good"
        assert metadata["x-request-id"] == "a-request"


async def test_skips_unreachable_worker(api: FakeAi) -> None:
    async with serving("unix:/nowhere/api.sock", api.address) as front:
        for _ in range(5):
            async with front.connect() as signal:
                _, error = await signal.invoke("Introduce", "en-AU")
                assert error is None


async def test_balances_calls_across_workers(api: FakeAi) -> None:
    async with fake_api() as other, serving(api.address, other.address) as front:
        await front.post("/ai-chat/negotiate", {"authorization": "Web good"})
        async with front.connect() as signal:
            for _ in range(4):
                await signal.invoke("SendMessage", "drop")
    assert (len(api.chats), len(other.chats)) == (2, 2)
