"""What every error looks like."""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import httpx2
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


def assert_error(reply: httpx2.Response, status: int, code: int, reason: str) -> str:
    """Asserts that `reply` is that error in the contract's form; returns its message."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert len(reply.headers.get_list("x-request-id")) == 1
    body: dict[str, Any] = reply.json()
    message = body.pop("message")
    info = {"@type": ERROR_INFO, "reason": reason, "domain": "gymlocker", "metadata": {}}
    details: list[dict[str, Any]] = [info]
    if "retry-after" in reply.headers:
        details.append({"@type": RETRY_INFO, "retryDelay": f"{reply.headers['retry-after']}s"})
    assert body == {"code": code, "details": details}
    assert message
    assert isinstance(message, str)
    return message


def grpc_error(headers: Mapping[str, str]) -> tuple[int, str]:
    """Return the code and the reason of a call that ended without a message.

    Fails unless headers and details say the same, for every sentence without a name of a header.
    """
    code, text = int(headers["grpc-status"]), headers["grpc-message"]
    encoded = headers["grpc-status-details-bin"]
    status = Status.FromString(base64.b64decode(encoded + "=" * (-len(encoded) % 4)))
    assert (status.code, status.message) == (code, unquote(text))
    assert text
    assert not re.search(r"[a-z]-[a-z]+[-:']|metadata", text)
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "gymlocker"
    return code, info.reason
