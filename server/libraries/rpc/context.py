"""The context of a call: metadata, request id, caller and address."""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import grpc

from server.libraries.network.client_network import network_of
from server.libraries.network.grpc_protocol import ADDRESS_KEY, REQUEST_ID_KEY
from server.libraries.rpc.request_id import usable_request_id

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]


@dataclass(frozen=True)
class Caller:
    """The user who calls, and what authenticated them.

    `session_id` belongs to an access token, and `generation` counts the session's refreshes. It is
    0 in tokens issued before they were counted. `key_id` belongs to an access key. `has_account` is
    false for an identity that cannot log in: the one of the server's shared key, or a forwarded
    name that is not linked to an account.
    """

    user_id: UUID
    session_id: UUID | None = None
    generation: int = 0
    key_id: UUID | None = None
    has_account: bool = True


# Set by the outermost interceptor. Decoded once per call: grpc's context would decode all entries
# (about ten, a microsecond each) on every access.
current_metadata: ContextVar[Metadata] = ContextVar("current_metadata", default=())
# From the client or Envoy; echoed in the response and logged.
current_request_id: ContextVar[str] = ContextVar("current_request_id", default="-")
# None if the call has no purchase token.
current_purchase: ContextVar[Any] = ContextVar("current_purchase", default=None)
# None if the call has a password, or no credentials.
current_caller: ContextVar[Caller | None] = ContextVar("current_caller", default=None)


def values_of(key: str) -> list[str]:
    """Return the text values of this call's metadata for `key`."""
    return [
        value for name, value in current_metadata.get() if name == key and isinstance(value, str)
    ]


def caller() -> Caller:
    """Return the caller of a method that requires an access token, or an alternative to one."""
    found = current_caller.get()
    if found is None:
        raise LookupError("the method does not declare an access token as its authentication")
    return found


def address_of(context: Context) -> str:
    """Return the client's address; behind Envoy, without the port."""
    addresses = values_of(ADDRESS_KEY)
    return addresses[0] if addresses else str(context.peer())


def calling_network() -> str:
    """Return the network of this call's client; empty outside of a call."""
    # On the path of every call: no list of all values is built.
    for name, value in current_metadata.get():
        if name == ADDRESS_KEY:
            return network_of(str(value))
    return ""


def given_request_id() -> str | None:
    """Return the request id in the call's metadata, None if there is no usable one."""
    for value in values_of(REQUEST_ID_KEY):
        if request_id := usable_request_id(value):
            return request_id
    return None
