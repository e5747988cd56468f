"""The id of a call: given by the client or by Envoy, echoed in the reply, written in the log."""

import random
import re
from contextvars import ContextVar

from server.rpc.interceptor import Context

METADATA_KEY = "x-request-id"

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="-")

# What may stand in a header. A longer one is cut, in Envoy's log as well.
_PRINTABLE = re.compile(r"[ -~]+")
MOST_CHARACTERS = 128


def request_id_in(context: Context) -> str | None:
    """The id in the call's metadata, None if there is none that could be used."""
    for key, value in context.invocation_metadata() or ():
        if key == METADATA_KEY and isinstance(value, str) and _PRINTABLE.fullmatch(value):
            return value[:MOST_CHARACTERS]
    return None


def new_request_id() -> str:
    """An id in the form of a UUID, as Envoy gives them."""
    # Not from the system's chance, which is dear: nobody need be unable to guess it.
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
