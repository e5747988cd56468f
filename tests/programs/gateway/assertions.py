"""Assertions about the form of errors."""

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


def assert_error(response: httpx2.Response, status: int, code: int, reason: str) -> str:
    """Assert that the response is this error in the contract's form, and return its message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert len(response.headers.get_list("x-request-id")) == 1
    body: dict[str, Any] = response.json()
    message = body.pop("message")
    info = {"@type": ERROR_INFO, "reason": reason, "domain": "gymlocker", "metadata": {}}
    details: list[dict[str, Any]] = [info]
    if "retry-after" in response.headers:
        details.append({"@type": RETRY_INFO, "retryDelay": f"{response.headers['retry-after']}s"})
    assert body == {"code": code, "details": details}
    assert message
    assert isinstance(message, str)
    return message


def grpc_error(headers: Mapping[str, str]) -> tuple[int, str]:
    """Return the code and the reason of a call that ended without a message.

    Fails unless the headers and the details agree, and if the message contains a header name.
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
