"""The hub protocol: handshake, records, pings and endings of a connection."""

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from .client import END, HELLO, Front, failure
from .conftest import serving
from .fake_api import FakeAi

pytestmark = pytest.mark.extended


async def test_accepts_several_records_in_one_frame(front: Front) -> None:
    async with front.socket() as signal:
        calls = [signal.invocation("SendMessage", text) for text in ("a", "b")]
        await signal.send(HELLO, {"type": 6}, *calls)
        assert await signal.receive() == {}
        for call in calls:
            _, error = await signal.until_completed(call["invocationId"])
            assert error is None


async def test_accepts_record_in_several_frames(front: Front) -> None:
    async with front.socket() as signal:
        text = json.dumps(HELLO) + END + json.dumps(signal.invocation("SendMessage", "a")) + END
        for start in range(0, len(text), 7):
            await signal.socket.send(text[start : start + 7])
        assert await signal.receive() == {}
        messages, error = await signal.until_completed("1")
        assert (messages[-1]["message"], error) == ("You said a", None)


async def test_accepts_record_in_fragments_and_as_bytes(front: Front) -> None:
    async with front.socket() as signal:
        record = json.dumps(HELLO) + END
        await signal.socket.send([record[:5], record[5:]])
        assert await signal.receive() == {}
        call = json.dumps(signal.invocation("SendMessage", "a")) + END
        await signal.socket.send(call.encode())
        _, error = await signal.until_completed("1")
        assert error is None


INVALID_HELLOS = [
    ({"protocol": "messagepack", "version": 1}, "Only the protocol 'json' is supported."),
    ({"protocol": "json", "version": 2}, "Only version 1 of the protocol is supported."),
    ({"protocol": "json", "version": True}, "Only version 1 of the protocol is supported."),
    ({"protocol": "json"}, "Only version 1 of the protocol is supported."),
    ({"type": 6}, "Only the protocol 'json' is supported."),
    ([], "A record is not a JSON object."),
]


async def test_rejects_another_protocol(front: Front) -> None:
    for hello, error in INVALID_HELLOS:
        async with front.socket() as signal:
            await signal.socket.send(json.dumps(hello) + END)
            assert await signal.end() == ({"error": error}, 1002)


async def test_handshake_times_out(api: FakeAi) -> None:
    async with (
        serving(api.address, handshake_seconds=0.05, ping_seconds=0.01) as front,
        front.socket() as signal,
    ):
        await signal.socket.send('{"protocol"')
        # No ping precedes it.
        error = {"error": "The handshake timed out."}
        assert await signal.receive_any() == error
        assert await signal.end() == (None, 1002)


VIOLATIONS: list[tuple[str | bytes, str]] = [
    ("nonsense\x1e", "A record is not JSON."),
    ("\x1e", "A record is not JSON."),
    ("[" * 20_000 + "\x1e", "A record is not JSON."),
    ('{"type": ' + "9" * 5000 + "}\x1e", "A record is not JSON."),
    ("7\x1e", "A record is not a JSON object."),
    ("{}\x1e", "A message has no type."),
    ('{"type": "1"}\x1e', "A message has no type."),
    ('{"type": 1, "target": "X"}\x1e', "An invocation has no target or no arguments."),
    ('{"type": 1, "target": 5, "arguments": []}\x1e', "An invocation has no target or no"),
    ('{"type": 1, "invocationId": 5}\x1e', "An invocationId is not a string."),
    ('{"type": 1, "invocationId": "\\ud800"}\x1e', "An invocationId is not a string."),
    (b"\xff\x1e", "A frame is not UTF-8 text."),
]


async def test_closes_on_protocol_violation(front: Front) -> None:
    for frame, error in VIOLATIONS:
        async with front.connect() as signal:
            await signal.socket.send(frame)
            last, code = await signal.end()
            assert last, error
            assert (last["type"], last["allowReconnect"], code) == (7, False, 1002)
            assert last["error"].startswith(error)


async def test_ignores_unknown_messages(front: Front) -> None:
    async with front.connect() as signal:
        for message in ({"type": 99}, {"type": 5, "invocationId": "1"}, {"type": 2}, {"type": 3}):
            await signal.send(message)
        await signal.send({"type": 6, "extra": [1]})
        assert await signal.invoke("StopInProgress") == ([], None)


async def test_rejects_streams(front: Front) -> None:
    async with front.connect() as signal:
        call = signal.invocation("Introduce", "en-AU")
        await signal.send(call | {"type": 4})
        assert await signal.until_completed("1") == failure("This hub does not support streams.")
        await signal.send(call | {"streamIds": ["1"]})
        assert await signal.until_completed("1") == failure("This hub does not support streams.")


async def test_server_sends_pings(api: FakeAi) -> None:
    async with serving(api.address, ping_seconds=0.01) as front, front.connect() as signal:
        for _ in range(3):
            assert await signal.receive_any() == {"type": 6}


async def test_closes_silent_connection(api: FakeAi) -> None:
    async with serving(api.address, client_seconds=0.05) as front, front.connect() as signal:
        last, code = await signal.end()
        error = "The client sent nothing for too long."
        assert last == {"type": 7, "allowReconnect": True, "error": error}
        assert code == 1000


async def test_pings_keep_connection_open(api: FakeAi) -> None:
    async with serving(api.address, client_seconds=0.5) as front, front.connect() as signal:
        for _ in range(12):
            await signal.send({"type": 6})
            await asyncio.sleep(0.06)
        assert await signal.invoke("StopInProgress") == ([], None)


async def test_closes_half_open_connection(api: FakeAi) -> None:
    async with serving(api.address, probe_seconds=0.05) as front, front.connect() as signal:
        await signal.call("SendMessage", "wait")
        await api.until(lambda: api.open_chats == 1)
        # The connection is open, but the client does not read.
        signal.socket.transport.pause_reading()
        await api.until(lambda: api.open_chats == 0)


async def test_answers_close_message(front: Front) -> None:
    async with front.connect() as signal:
        await signal.send({"type": 7})
        assert await signal.end() == ({"type": 7, "allowReconnect": False}, 1000)


async def test_closes_on_oversized_frame(api: FakeAi) -> None:
    async with serving(api.address, record_bytes=1000) as front, front.connect() as signal:
        await signal.socket.send("x" * 1001)
        assert (await signal.end())[1] == 1009


async def test_closes_on_oversized_record(api: FakeAi) -> None:
    async with serving(api.address, record_bytes=1000) as front, front.connect() as signal:
        for _ in range(3):
            await signal.socket.send("ß" * 200)
        last, code = await signal.end()
        assert last and last["error"] == "A record is longer than 1000 bytes."
        assert code == 1002


async def test_reassembles_records(front: Front) -> None:
    async with front.connect() as signal:
        first, second = (signal.invocation("SendMessage", text) for text in ("grüße", "next"))
        text = json.dumps(first, ensure_ascii=False) + END + json.dumps(second) + END
        for piece in (text[:10], "", text[10:11], text[11:-5], text[-5:]):
            await signal.socket.send(piece)
        for call in (first, second):
            messages, error = await signal.until_completed(call["invocationId"])
            sent = call["arguments"][0]
            assert (messages[-1]["message"], error) == (f"You said {sent}", None)


async def test_slow_reader_gets_latest_message(api: FakeAi) -> None:
    async with serving(api.address) as front, front.connect(max_queue=1) as signal:
        # All messages together would be 40 MB.
        call_id = await signal.call("SendMessage", "grow 200 200")
        messages = []
        while (message := await signal.receive()).get("type") != 3:
            messages.append(int(message["arguments"][0]["message"].split()[0]))
            if len(messages) == 1:
                await api.until(lambda: api.finished_answers)
        assert message == {"type": 3, "invocationId": call_id, "result": None}
        assert messages == sorted(messages)
        assert messages[-1] == 199
        assert len(messages) < 200


async def test_closes_connection_that_is_never_read(api: FakeAi) -> None:
    limits = {"unsent_bytes": 300 * 1024, "shutdown_seconds": 0.05}
    with capture_logs() as logs:
        async with (
            serving(api.address, **limits) as front,
            front.connect(max_queue=1, close_timeout=0.1) as signal,
        ):
            signal.socket.transport.pause_reading()
            # The last message of each answer stays in the queue, and answers accumulate.
            for _ in range(12):
                await signal.call("SendMessage", "grow 3 100")
            await api.until(lambda: api.chats and api.open_chats == 0)
    assert [line["ended"] for line in logs] == ["slow"]


async def test_serves_five_hundred_idle_connections(api: FakeAi) -> None:
    async with serving(api.address) as front, asyncio.TaskGroup() as group:
        done = asyncio.Event()
        ready = [asyncio.Event() for _ in range(500)]
        for event in ready:
            group.create_task(_wait(front, event, done))
        for event in ready:
            await event.wait()
        async with front.connect() as signal:
            _, error = await signal.invoke("Introduce", "en-AU")
            assert error is None
        done.set()


async def _wait(front: Front, ready: asyncio.Event, done: asyncio.Event) -> None:
    async with front.connect() as signal:
        ready.set()
        await done.wait()
        assert await signal.invoke("StopInProgress") == ([], None)
