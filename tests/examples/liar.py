"""A server that forwards every call to another, and changes a byte of each event that is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias

import grpc
from gymlocker.v2.event_pb2 import GetEventsResponse

GET_EVENTS = "/gymlocker.v2.EventService/GetEvents"
Call = Callable[[bytes, grpc.ServicerContext], bytes]
Forward: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"


class Forwarding(grpc.GenericRpcHandler):
    """Answers with what the server behind `channel` says, but for events."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def service(
        self, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Any method: unary, as those of the examples all are."""
        return grpc.unary_unary_rpc_method_handler(self._call(details.method))

    def _call(self, method: str) -> Call:
        forward: Forward = self._channel.unary_unary(method)

        def call(request: bytes, context: grpc.ServicerContext) -> bytes:
            sent = context.invocation_metadata()
            bearer = tuple(pair for pair in sent if pair[0] == "authorization")
            response = forward(request, metadata=bearer)
            return changed(response) if method == GET_EVENTS else response

        return call


def changed(response: bytes) -> bytes:
    """The same events, each with another last byte."""
    events = GetEventsResponse.FromString(response)
    for event in events.events:
        payload = event.encrypted_event_payload
        event.encrypted_event_payload = payload[:-1] + bytes([payload[-1] ^ 1])
    return events.SerializeToString()


@contextmanager
def liar(address: str) -> Iterator[str]:
    """Runs it before the server at `address`; gives its own address."""
    with grpc.insecure_channel(address) as channel:
        server = grpc.server(ThreadPoolExecutor(4), handlers=[Forwarding(channel)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()
