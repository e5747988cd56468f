"""Limits of every call that stores something: free disk space and the storage of its network."""

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

# Methods that delete, or that callers need before they can delete.
_EXEMPT = frozenset(
    {
        "GetInboxMessages",
        "LeaseInboxMessages",
        "AckInboxMessages",
        "Login",
        "RefreshToken",
        "Logout",
        "ChangePassword",
    }
)


class LimitsInterceptor(Interceptor):
    """Interceptor that rejects calls if there is no room for what they store, and counts it."""

    def __init__(
        self, methods: Mapping[str, Method], disk: DiskWatch, storage: StorageMeter
    ) -> None:
        super().__init__(methods)
        self._disk = disk
        self._storage = storage

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Limit each call of a method that stores something."""
        if not stores(method):
            return call_next

        async def limited(request: Message, context: Context) -> Any:
            network = self._admitted(context)
            response = await call_next(request, context)
            self._storage.add(network, request.ByteSize())
            return response

        async def limited_stream(requests: AsyncIterator[Message], context: Context) -> Any:
            network = self._admitted(context)
            return await call_next(self._counted(requests, network), context)

        return limited_stream if method.streams_requests else limited

    def _admitted(self, context: Context) -> str:
        """Return the network of the call. Raise ResourceExhausted if there is no room."""
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
            # A part of a file may be large. It is not kept while the next one arrives.
            del request


def stores(method: Method) -> bool:
    """Check whether calls of `method` store something, as most with side effects do."""
    return (
        method.has_side_effects
        and not method.name.startswith("Delete")
        and method.name not in _EXEMPT
        # The planner only stores the number of its answers.
        and method.authentication.scheme != Authentication.SCHEME_PURCHASE_TOKEN
    )
