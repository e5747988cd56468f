"""Who calls, as far as the call has proved it, and from where."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.libraries.network.client_network import network_of
from server.libraries.rpc.interceptor import Context
from server.libraries.rpc.metadata import current_metadata, values_of

# Set by Envoy for every call, whatever the caller may have said there.
ADDRESS_KEY = "x-client-address"


@dataclass(frozen=True)
class Caller:
    """The user, and the session, of an access token.

    `generation` counts the session's refreshes; 0 for tokens of the time before they were counted.
    """

    user_id: UUID
    session_id: UUID
    generation: int = 0


# What the purchase token of the call stands for; None: it carries none.
current_purchase: ContextVar[Any] = ContextVar("current_purchase", default=None)
# None: the call carries no access token.
current_caller: ContextVar[Caller | None] = ContextVar("current_caller", default=None)


def caller() -> Caller:
    """Who makes this call, of a method that needs an access token."""
    found = current_caller.get()
    if found is None:
        raise LookupError("the method does not declare that it needs an access token")
    return found


def address_of(context: Context) -> str:
    """The address that the call comes from, without its port where Envoy says it."""
    said = values_of(ADDRESS_KEY)
    return said[0] if said else str(context.peer())


def calling_network() -> str:
    """Return what the address of this call has in common with others of the same caller.

    Empty if nobody calls, as in work beside the calls.
    """
    # Looked up for every call: no list of all that it might be.
    for name, value in current_metadata.get():
        if name == ADDRESS_KEY:
            return network_of(str(value))
    return ""
