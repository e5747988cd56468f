"""Encodes replies, and counts those of some size until they are read."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from server.libraries.rpc.context import Context
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.large_responses import COUNTED_BYTES, LargeResponses, overloaded
from server.libraries.rpc.method import Method


class ReplyInterceptor(Interceptor):
    """Encodes each reply itself, so that the message is gone while the caller reads the bytes.

    Streams are left alone: they wait for their readers piece by piece.
    """

    gives_bytes = True

    def __init__(self, methods: Mapping[str, Method], replies: LargeResponses) -> None:
        super().__init__(methods)
        self._replies = replies

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Let a call in while its network reads what it asked for, and count its reply."""
        if method.streams_replies:
            return call_next
        replies, changes = self._replies, method.has_side_effects

        async def encode(request: Any, context: Context) -> bytes:
            if replies.are_unread():
                await replies.wait_for_room(context)
            data = _encoded(await call_next(request, context))
            # What was changed cannot be refused any more.
            if len(data) < COUNTED_BYTES or replies.hold(context, len(data), always=changes):
                return data
            # Else the error would keep it, through its traceback, until its caller has read that.
            del data
            raise overloaded()

        return encode


def _encoded(reply: Message) -> bytes:
    return reply.SerializeToString()
