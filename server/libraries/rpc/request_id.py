"""Request ids: the client's own if it is safe in logs and headers, else a new one."""

import random
from itertools import count

from server.libraries.common.text import is_printable_ascii

# A longer id is cut, in Envoy's log as well.
MAX_CHARACTERS = 128
# Each process numbers its calls after random digits of its own: ids need not be unguessable.
_PROCESS = "{:08x}-{:04x}-4{:03x}-8{:03x}".format(*map(random.getrandbits, (32, 16, 12, 12)))
_numbers = count(random.getrandbits(32))


def usable_request_id(text: str) -> str | None:
    """Return a client's request id, cut to MAX_CHARACTERS; None if no header can hold it."""
    return text[:MAX_CHARACTERS] if is_printable_ascii(text) else None


def new_request_id() -> str:
    """Return a new request id in the form of a UUID, like Envoy's."""
    return f"{_PROCESS}-{next(_numbers):012x}"
