"""The id of a call: given by the client or by Envoy, echoed in the reply, written in the log."""

import re
import uuid
from contextvars import ContextVar

from server.rpc.interceptor import Context

METADATA_KEY = "x-request-id"

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="-")

# What may stand in a header. A longer one is cut, in Envoy's log as well.
_PRINTABLE = re.compile(r"[ -~]+")
MOST_CHARACTERS = 128


def request_id_of(context: Context) -> str:
    """The id in the call's metadata, else a new one."""
    for key, value in context.invocation_metadata() or ():
        if key == METADATA_KEY and isinstance(value, str) and _PRINTABLE.fullmatch(value):
            return value[:MOST_CHARACTERS]
    return str(uuid.uuid4())
