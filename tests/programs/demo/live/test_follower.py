"""The follower: with a scripted server, and with the stack through a proxy that cuts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc
import pytest
from grpc import aio
from gymlocker.v2 import event_pb2, event_pb2_grpc, watch_pb2

from server.libraries.network.channel import open_channel
from server.programs.demo import keys
from server.programs.demo.keys import Unreadable
from server.programs.demo.live.follower import Follower
from server.programs.demo.person import Friend, Person, Phone, new_event_id
from server.programs.demo.transport import CallError, GrpcTransport
from tests.faults.cutting_proxy import CuttingProxy
from tests.support.stack import Stack

OWN = keys.new_keys()
FRIEND = Friend(new_event_id(), OWN.public_spki, OWN.aes, "secret")
PLAIN = (("grpc.use_local_subchannel_pool", 1),)


class Record:
    """An observer; `facts` are its calls."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, Any]] = []
        self._changed = asyncio.Event()

    def connected(self, cursor: str) -> None:
        self._add("connected", bool(cursor))

    def disconnected(self, reason: str) -> None:
        self._add("disconnected", reason)

    def received(self, event_id: str, text: bytes) -> None:
        self._add("received", text)

    def deleted(self, event_id: str) -> None:
        self._add("deleted", event_id)

    def reset(self) -> None:
        self._add("reset", None)

    async def until(self, *fact: Any) -> None:
        """Wait for a fact."""
        async with asyncio.timeout(30):
            while fact not in self.facts:
                self._changed.clear()
                await self._changed.wait()

    def _add(self, *fact: Any) -> None:
        self.facts.append(fact)
        self._changed.set()


class ScriptedEvents:
    """A server whose streams are written in advance, each a list of messages or a status."""

    PutEvent = DeleteEvent = GetEvents = None

    def __init__(self, *streams: list[event_pb2.WatchEventsResponse] | grpc.StatusCode) -> None:
        self._streams = iter(streams)
        self.cursors: list[str] = []

    async def WatchEvents(self, request: Any, context: Any) -> Any:
        self.cursors.append(request.users[0].cursor)
        stream = next(self._streams)
        if isinstance(stream, grpc.StatusCode):
            await context.abort(stream, "as written")
            return
        for message in stream:
            yield message


@asynccontextmanager
async def serving(servicer: ScriptedEvents) -> AsyncIterator[str]:
    server = aio.server()
    scripted: Any = servicer
    event_pb2_grpc.add_EventServiceServicer_to_server(scripted, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"http://127.0.0.1:{port}"
    await server.stop(None)


def event(text: bytes, event_id: str, *, sealed_by: keys.Keys = OWN) -> Any:
    sealed = keys.seal(text, OWN.aes, sealed_by.private)
    one = event_pb2.UserEvent(
        user_id=FRIEND.user_id,
        event_id=event_id,
        encrypted_event_payload=sealed.ciphertext,
        encrypted_event_iv=sealed.iv,
    )
    return event_pb2.WatchEventsResponse(event=one)


def cursor(text: str) -> event_pb2.WatchEventsResponse:
    one = event_pb2.UserCursor(user_id=FRIEND.user_id, cursor=text)
    return event_pb2.WatchEventsResponse(cursor=one)


def ended(reason: str) -> event_pb2.WatchEventsResponse:
    return event_pb2.WatchEventsResponse(ended=watch_pb2.StreamEnded(reason=reason))


def deleted(event_id: str) -> event_pb2.WatchEventsResponse:
    one = event_pb2.DeletedEvent(user_id=FRIEND.user_id, event_id=event_id)
    return event_pb2.WatchEventsResponse(deleted=one)


RESET = event_pb2.WatchEventsResponse(reset=event_pb2.EventsReset(user_id=FRIEND.user_id))


async def followed(servicer: ScriptedEvents) -> tuple[Follower, Record, str]:
    """Follow to the end."""
    record = Record()
    async with serving(servicer) as url:
        follower = Follower(partial(open_channel, url, PLAIN), FRIEND, record)
        reason = await asyncio.wait_for(follower.run(), 30)
    return follower, record, reason


class TestRun:
    async def test_continues_at_last_cursor(self) -> None:
        servicer = ScriptedEvents(
            [event(b"1", "a"), cursor("after-a"), event(b"2", "b")],
            [event(b"2", "b"), deleted("a"), cursor("after-b"), ended("STREAM_EXPIRED")],
            grpc.StatusCode.UNAVAILABLE,
            [ended("NOTHING_TO_WATCH")],
        )
        follower, record, reason = await followed(servicer)
        assert servicer.cursors == ["", "after-a", "after-b", "after-b"]
        assert follower.events == {"b": b"2"}
        assert reason == "NOTHING_TO_WATCH"
        # The event that came again is told once.
        assert record.facts.count(("received", b"2")) == 1
        assert ("deleted", "a") in record.facts

    async def test_break_before_first_cursor_drops_everything(self) -> None:
        servicer = ScriptedEvents(
            [event(b"1", "a")],
            # "a" was deleted meanwhile, which is not sent without a cursor.
            [event(b"2", "b"), cursor("after-b"), ended("NOTHING_TO_WATCH")],
        )
        follower, record, _ = await followed(servicer)
        assert servicer.cursors == ["", ""]
        assert follower.events == {"b": b"2"}
        assert ("reset", None) in record.facts

    async def test_break_after_reset_drops_everything(self) -> None:
        servicer = ScriptedEvents(
            [event(b"1", "a"), cursor("old"), ended("SERVER_STOPPING")],
            [RESET, event(b"2", "b")],
            [event(b"3", "c"), cursor("new"), ended("NOTHING_TO_WATCH")],
        )
        follower, _, _ = await followed(servicer)
        assert servicer.cursors == ["", "old", ""]
        assert follower.events == {"c": b"3"}

    async def test_reset_drops_everything(self) -> None:
        servicer = ScriptedEvents(
            [event(b"1", "a"), cursor("old"), ended("SERVER_STOPPING")],
            [RESET, event(b"2", "b"), cursor("new"), ended("NOTHING_TO_WATCH")],
        )
        follower, record, _ = await followed(servicer)
        assert follower.events == {"b": b"2"}
        assert ("reset", None) in record.facts

    @pytest.mark.parametrize("reason", ["NOTHING_TO_WATCH", "A_REASON_OF_TOMORROW"])
    async def test_returns_final_reason(self, reason: str) -> None:
        assert (await followed(ScriptedEvents([ended(reason)])))[2] == reason

    async def test_raises_final_status(self) -> None:
        with pytest.raises(CallError, match="INVALID_ARGUMENT"):
            await followed(ScriptedEvents(grpc.StatusCode.INVALID_ARGUMENT))

    async def test_raises_for_event_of_another_person(self) -> None:
        forged = event(b"1", "a", sealed_by=keys.new_keys())
        with pytest.raises(Unreadable):
            await followed(ScriptedEvents([forged]))


class TestOnStack:
    async def test_connection_cut_in_the_middle_loses_nothing(self, stack: Stack) -> None:
        phone, proxy, record = GrpcTransport(stack.url), CuttingProxy(stack.port), Record()
        ada = await Person.create("Ada", Phone(phone))
        await ada.grant("secret")
        friend = Friend(ada.user_id, ada.keys.public_spki, ada.keys.aes, "secret")
        async with proxy.running() as url:
            follower = Follower(partial(open_channel, url, PLAIN), friend, record)
            following = asyncio.create_task(follower.run())
            await record.until("connected", False)
            first = new_event_id()
            await ada.publish(first, b"before")
            await record.until("received", b"before")
            # The cursor may be on its way; with the next bytes the connection breaks.
            proxy.budget = 40
            await ada.publish(new_event_id(), b"cut")
            await ada.retract(first)
            await record.until("disconnected", "UNAVAILABLE")
            proxy.budget = None
            await record.until("connected", True)
            await record.until("received", b"cut")
            await record.until("deleted", first)
            assert list(follower.events.values()) == [b"cut"]
            await ada.revoke("secret")
            assert await asyncio.wait_for(following, 30) == "NOTHING_TO_WATCH"
        assert proxy.cuts >= 1
        await ada.delete_account()
        await phone.close()
