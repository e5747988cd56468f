"""What every error looks like."""

from typing import Any

import httpx2

ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


def assert_error(reply: httpx2.Response, status: int, code: int, reason: str) -> str:
    """Asserts that `reply` is that error in the contract's form; returns its message."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert len(reply.headers.get_list("x-request-id")) == 1
    body: dict[str, Any] = reply.json()
    message = body.pop("message")
    info = {"@type": ERROR_INFO, "reason": reason, "domain": "gymlocker", "metadata": {}}
    assert body == {"code": code, "details": [info]}
    assert message
    assert isinstance(message, str)
    return message
