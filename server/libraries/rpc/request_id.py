"""The id of a call: given by the client or by Envoy, echoed in the reply, written in the log."""

import random
import re
from contextvars import ContextVar
from itertools import count

from server.libraries.rpc.metadata import values_of

METADATA_KEY = "x-request-id"

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="-")

# What may stand in a header. A longer one is cut, in Envoy's log as well.
_PRINTABLE = re.compile(r"[ -~]+")
MAX_CHARACTERS = 128

# Each process has ids of its own, and counts: nobody need be unable to guess one.
_PROCESS = "{:08x}-{:04x}-4{:03x}-8{:03x}".format(*map(random.getrandbits, (32, 16, 12, 12)))
_numbers = count(random.getrandbits(32))


def given_request_id() -> str | None:
    """The id in the call's metadata, None if there is none that could be used."""
    for value in values_of(METADATA_KEY):
        if _PRINTABLE.fullmatch(value):
            return value[:MAX_CHARACTERS]
    return None


def new_request_id() -> str:
    """An id in the form of a UUID, as Envoy gives them."""
    return f"{_PROCESS}-{next(_numbers):012x}"
