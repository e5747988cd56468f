"""The demo from end to end, with a correct server and with faulty ones."""

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
from server.programs.demo.run import run, run_over
from server.programs.demo.transport import Transport
from tests.programs.demo.fakes import FakeServer, Refused

URL = "http://gymlocker.example"

pytestmark = pytest.mark.asyncio


def _console(encoding: str = "utf-8") -> tuple[Console, io.BytesIO]:
    raw = io.BytesIO()
    return Console(file=io.TextIOWrapper(raw, encoding, write_through=True), width=80), raw


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


class TestRunOver:
    @pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
    async def test_succeeds_when_every_byte_is_equal(
        self, fake: FakeServer, over_grpc: Transport, over_rest: Transport, encoding: str
    ) -> None:
        console, raw = _console(encoding)
        assert await run_over(URL, console, over_grpc, over_rest)
        text = raw.getvalue().decode(encoding)
        assert "comparisons equal, byte for byte" in text.splitlines()[-1]
        assert all(len(line) <= 80 for line in text.splitlines())
        assert "\x1b" not in text
        assert not fake.users and not fake.items

    async def test_succeeds_with_swapped_transports(
        self, fake: FakeServer, over_grpc: Transport, over_rest_v2: Transport
    ) -> None:
        console, raw = _console()
        assert await run_over(URL, console, over_rest_v2, over_grpc), raw.getvalue().decode()
        assert not fake.users

    @pytest.mark.parametrize(
        ("corrupt", "difference"),
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
    async def test_reports_falsified_response(
        self,
        fake: FakeServer,
        over_grpc: Transport,
        over_rest: Transport,
        corrupt: Callable[[Message], None],
        difference: str,
    ) -> None:
        fake.corrupt = corrupt
        console, raw = _console()
        assert not await run_over(URL, console, over_grpc, over_rest)
        text = raw.getvalue().decode()
        assert difference in text and "comparisons equal, byte for byte" not in text
        assert not fake.users, "accounts are deleted even when something differs"

    @pytest.mark.parametrize(
        "method", ["PutEvent", "GetEvents", "CreateSharedItem", "PutInboxMessage", "UpdateUser"]
    )
    async def test_deletes_accounts_after_failed_call(
        self,
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
        assert not await run_over(URL, console, over_grpc, over_rest)
        assert "UNAUTHENTICATED" in raw.getvalue().decode()
        assert not fake.users

    async def test_failed_clean_up_does_not_hide_the_error(
        self,
        fake: FakeServer,
        over_grpc: Transport,
        over_rest: Transport,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def refuse(request: Message) -> Message:
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, "NO")

        def explode() -> bytes:
            raise RuntimeError("a bug")

        monkeypatch.setattr(fake, "_DeleteUser", refuse)
        monkeypatch.setattr("server.programs.demo.scenario.samples.plan", explode)
        console, raw = _console()
        with pytest.raises(RuntimeError, match="a bug"):
            await run_over(URL, console, over_grpc, over_rest)
        assert raw.getvalue().decode().count("could not be deleted") == 2

    async def test_deletes_accounts_when_cancelled(
        self, fake: FakeServer, over_grpc: Transport, over_rest: Transport
    ) -> None:
        fake.awaited = "PutEvent"
        console, _ = _console()
        running = asyncio.create_task(run_over(URL, console, over_grpc, over_rest))
        await asyncio.wait_for(fake.called.wait(), timeout=10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not fake.users


class TestRun:
    async def test_reports_unreachable_server(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            with pytest.raises(StartError, match=r"^No response from .*`gymlocker up`"):
                await run(url, _console()[0])

    @pytest.mark.parametrize(
        "url", ["", "localhost:8080", "ftp://host", "http://", "http://host/path", "http://host:x"]
    )
    async def test_rejects_invalid_address(self, url: str) -> None:
        with pytest.raises(StartError, match="give --url as http://host:port"):
            await run(url, _console()[0])
