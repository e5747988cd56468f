"""The demo from end to end, against a server that behaves and against ones that do not."""

import asyncio
import io
import socket
from collections.abc import Callable

import grpc
import pytest
from google.protobuf.message import Message
from gymlocker.v2 import event_pb2, inbox_pb2, share_pb2, user_pb2
from rich.console import Console

from server.errors import StartError
from server.programs.demo.run import run, tell
from server.programs.demo.transport import Transport
from tests.programs.demo.fakes import FakeServer, Refused

URL = "http://gymlocker.example"

pytestmark = pytest.mark.asyncio


def _console(encoding: str = "utf-8") -> tuple[Console, io.BytesIO]:
    raw = io.BytesIO()
    return Console(file=io.TextIOWrapper(raw, encoding, write_through=True), width=80), raw


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
async def test_every_byte_is_equal(
    fake: FakeServer, over_grpc: Transport, over_rest: Transport, encoding: str
) -> None:
    console, raw = _console(encoding)
    assert await tell(URL, console, over_grpc, over_rest)
    text = raw.getvalue().decode(encoding)
    assert "comparisons equal, byte for byte" in text.splitlines()[-1]
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "\x1b" not in text
    assert not fake.users and not fake.items


async def test_both_people_may_swap_their_phones(
    fake: FakeServer, over_grpc: Transport, over_rest_v2: Transport
) -> None:
    console, raw = _console()
    assert await tell(URL, console, over_rest_v2, over_grpc), raw.getvalue().decode()
    assert not fake.users


def _flip(value: bytes) -> bytes:
    return value[:-1] + bytes([value[-1] ^ 1])


def _flip_event(response: Message) -> None:
    if isinstance(response, event_pb2.GetEventsResponse) and response.events:
        event = response.events[0]
        event.encrypted_event_payload = _flip(event.encrypted_event_payload)


def _lose_event(response: Message) -> None:
    if isinstance(response, event_pb2.GetEventsResponse) and len(response.events) > 1:
        del response.events[0]


def _never_revoke(response: Message) -> None:
    if isinstance(response, event_pb2.GetEventsResponse):
        response.ClearField("invalid_follow_secrets")


def _flip_inbox(response: Message) -> None:
    if isinstance(response, inbox_pb2.GetInboxMessagesResponse) and response.inbox_messages:
        chunks = response.inbox_messages[0].encrypted_message
        chunks[0] = _flip(chunks[0])


def _lose_inbox(response: Message) -> None:
    if isinstance(response, inbox_pb2.GetInboxMessagesResponse):
        response.ClearField("inbox_messages")


def _flip_shared(response: Message) -> None:
    if isinstance(response, share_pb2.GetSharedItemResponse):
        payload = response.encrypted_payload
        payload.encrypted_payload = _flip(payload.encrypted_payload)


def _flip_picture(response: Message) -> None:
    if isinstance(response, user_pb2.GetUserResponse) and response.encrypted_profile_picture:
        response.encrypted_profile_picture = _flip(response.encrypted_profile_picture)


def _other_key(response: Message) -> None:
    if isinstance(response, user_pb2.GetUserResponse):
        response.rsa_public_key = b"not a key"


@pytest.mark.parametrize(
    ("corrupt", "said"),
    [
        (_flip_event, "payload"),
        (_lose_event, "events stored"),
        (_never_revoke, "feed after the revocation"),
        (_flip_inbox, "inbox, chunks"),
        (_lose_inbox, "inbox, messages in it"),
        (_flip_shared, "shared item, payload"),
        (_flip_picture, "profile by id"),
        (_other_key, "profile by id"),
    ],
)
async def test_a_lying_server_is_found_out(
    fake: FakeServer,
    over_grpc: Transport,
    over_rest: Transport,
    corrupt: Callable[[Message], None],
    said: str,
) -> None:
    fake.corrupt = corrupt
    console, raw = _console()
    assert not await tell(URL, console, over_grpc, over_rest)
    text = raw.getvalue().decode()
    assert said in text and "comparisons equal, byte for byte" not in text
    assert not fake.users, "accounts are deleted even when something differs"


@pytest.mark.parametrize(
    "method", ["PutEvent", "GetEvents", "CreateSharedItem", "PutInboxMessage", "UpdateUser"]
)
async def test_a_failing_call_ends_the_story_and_still_deletes_the_accounts(
    fake: FakeServer,
    over_grpc: Transport,
    over_rest: Transport,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    def refuse(request: Message) -> Message:
        raise Refused(grpc.StatusCode.UNAUTHENTICATED, "NO")

    monkeypatch.setattr(fake, f"_{method}", refuse)
    console, raw = _console()
    assert not await tell(URL, console, over_grpc, over_rest)
    assert "UNAUTHENTICATED" in raw.getvalue().decode()
    assert not fake.users


async def test_a_failing_clean_up_does_not_hide_the_error(
    fake: FakeServer,
    over_grpc: Transport,
    over_rest: Transport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(request: Message) -> Message:
        raise Refused(grpc.StatusCode.UNAUTHENTICATED, "NO")

    def explode() -> bytes:
        raise RuntimeError("a mistake of our own")

    monkeypatch.setattr(fake, "_DeleteUser", refuse)
    monkeypatch.setattr("server.programs.demo.scenario.samples.plan", explode)
    console, raw = _console()
    with pytest.raises(RuntimeError, match="a mistake of our own"):
        await tell(URL, console, over_grpc, over_rest)
    assert raw.getvalue().decode().count("could not be deleted") == 2


async def test_an_interrupted_story_deletes_the_accounts(
    fake: FakeServer, over_grpc: Transport, over_rest: Transport
) -> None:
    fake.awaited = "PutEvent"
    console, _ = _console()
    telling = asyncio.create_task(tell(URL, console, over_grpc, over_rest))
    await asyncio.wait_for(fake.called.wait(), timeout=10)
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
    assert not fake.users


async def test_nothing_answers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(StartError, match=r"^Nothing answers at .*`gymlocker up`"):
            await run(url, _console()[0])


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://host", "http://", "http://host/path", "http://host:x"]
)
async def test_no_address(url: str) -> None:
    with pytest.raises(StartError, match="give --url as http://host:port"):
        await run(url, _console()[0])
