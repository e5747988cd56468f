"""Bounds of every call that stores something: room on the disk, and what its network may store."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from google.protobuf.message import Message
from gymlocker.v2.options_pb2 import Authentication

from server.libraries.limits.free_disk import DiskWatch
from server.libraries.limits.storage_meter import StorageMeter
from server.libraries.network.client_network import broad_network_of
from server.libraries.rpc.context import Context, address_of
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method

# Changes that are deletions, or that let people in to make some.
_EXEMPT = frozenset({"GetInboxMessages", "Login", "RefreshToken", "Logout", "ChangePassword"})


class LimitsInterceptor(Interceptor):
    """Refuses calls that store something where there is no room; counts what they store."""

    def __init__(
        self, methods: Mapping[str, Method], disk: DiskWatch, storage: StorageMeter
    ) -> None:
        super().__init__(methods)
        self._disk = disk
        self._storage = storage

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Bounds each call of a method that stores something."""
        if not stores(method):
            return call_next

        async def bounded(request: Message, context: Context) -> Any:
            network = self._admitted(context)
            reply = await call_next(request, context)
            self._storage.add(network, request.ByteSize())
            return reply

        async def bounded_stream(requests: AsyncIterator[Message], context: Context) -> Any:
            network = self._admitted(context)
            return await call_next(self._counted(requests, network), context)

        return bounded_stream if method.streams_requests else bounded

    def _admitted(self, context: Context) -> str:
        """The network that the call comes from. Raises ResourceExhausted if there is no room."""
        self._disk.check()
        network = broad_network_of(address_of(context))
        self._storage.check(network)
        return network

    async def _counted(
        self, requests: AsyncIterator[Message], network: str
    ) -> AsyncIterator[Message]:
        async for request in requests:
            self._storage.add(network, request.ByteSize())
            yield request


def stores(method: Method) -> bool:
    """Check whether calls of `method` store something: all do that change anything, but for few."""
    return (
        method.has_side_effects
        and not method.name.startswith("Delete")
        and method.name not in _EXEMPT
        # The planner stores nothing but how often it was asked.
        and method.authentication.scheme != Authentication.SCHEME_PURCHASE_TOKEN
    )
