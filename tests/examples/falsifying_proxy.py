"""A proxy that forwards every call to a server and changes a byte of each event in responses."""

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
    """Handler that returns the responses of the server behind `channel`, with falsified events."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel

    def service(
        self, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Return a handler of any method. All methods in the examples are unary."""
        return grpc.unary_unary_rpc_method_handler(self._call(details.method))

    def _call(self, method: str) -> Call:
        forward: Forward = self._channel.unary_unary(method)

        def call(request: bytes, context: grpc.ServicerContext) -> bytes:
            metadata = context.invocation_metadata()
            bearer = tuple(pair for pair in metadata if pair[0] == "authorization")
            response = forward(request, metadata=bearer)
            return falsified(response) if method == GET_EVENTS else response

        return call


def falsified(response: bytes) -> bytes:
    """Change the last byte of each event."""
    events = GetEventsResponse.FromString(response)
    for event in events.events:
        payload = event.encrypted_event_payload
        event.encrypted_event_payload = payload[:-1] + bytes([payload[-1] ^ 1])
    return events.SerializeToString()


@contextmanager
def falsifying_proxy(address: str) -> Iterator[str]:
    """Run the proxy in front of the server at `address`; yield its own address."""
    with grpc.insecure_channel(address) as channel:
        server = grpc.server(ThreadPoolExecutor(4), handlers=[Forwarding(channel)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()
