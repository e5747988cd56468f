"""The context of a call: metadata, request id, caller and address."""

import random
import re
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias
from uuid import UUID

import grpc

from server.libraries.network.client_network import network_of

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]

# Set by Envoy on every call; a value that the client sent is replaced.
ADDRESS_KEY = "x-client-address"
REQUEST_ID_KEY = "x-request-id"
# What may stand in a header. A longer id is cut, in Envoy's log as well.
_PRINTABLE = re.compile(r"[ -~]+")
MAX_REQUEST_ID_CHARACTERS = 128
# Each process numbers its calls behind random digits of its own: ids need not be unguessable.
_PROCESS = "{:08x}-{:04x}-4{:03x}-8{:03x}".format(*map(random.getrandbits, (32, 16, 12, 12)))
_numbers = count(random.getrandbits(32))


@dataclass(frozen=True)
class Caller:
    """The user, and the session, of an access token.

    `generation` counts the session's refreshes. It is 0 in tokens issued before they were counted.
    """

    user_id: UUID
    session_id: UUID
    generation: int = 0


# Set for every call by the outermost interceptor. Decoded once: grpc decodes its some ten entries,
# of a microsecond each, anew each time its context is asked.
current_metadata: ContextVar[Metadata] = ContextVar("current_metadata", default=())
# Given by the client or by Envoy, echoed in the response, written in the log.
current_request_id: ContextVar[str] = ContextVar("current_request_id", default="-")
# None if the call has no purchase token.
current_purchase: ContextVar[Any] = ContextVar("current_purchase", default=None)
# None if the call has no access token.
current_caller: ContextVar[Caller | None] = ContextVar("current_caller", default=None)


def values_of(key: str) -> list[str]:
    """Return the text values of this call's metadata for `key`."""
    return [
        value for name, value in current_metadata.get() if name == key and isinstance(value, str)
    ]


def caller() -> Caller:
    """Return the caller of a method that requires an access token."""
    found = current_caller.get()
    if found is None:
        raise LookupError("the method does not declare that it needs an access token")
    return found


def address_of(context: Context) -> str:
    """Return the client's address; behind Envoy without its port."""
    addresses = values_of(ADDRESS_KEY)
    return addresses[0] if addresses else str(context.peer())


def calling_network() -> str:
    """Return the network of this call's client, empty outside of a call."""
    # Looked up on every call, so without building a list of all values.
    for name, value in current_metadata.get():
        if name == ADDRESS_KEY:
            return network_of(str(value))
    return ""


def given_request_id() -> str | None:
    """Return the request id in the call's metadata, None if there is no usable one."""
    for value in values_of(REQUEST_ID_KEY):
        if _PRINTABLE.fullmatch(value):
            return value[:MAX_REQUEST_ID_CHARACTERS]
    return None


def new_request_id() -> str:
    """Return a new request id in the form of a UUID, as Envoy's are."""
    return f"{_PROCESS}-{next(_numbers):012x}"
