"""Envoy's own errors in the form of the workers' errors, as JSON and as gRPC statuses.

They become the mappers of envoy.yaml's local_reply_config; the first mapper that matches applies.
"""

import base64
from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import (
    DEADLINE_EXCEEDED,
    FAILED_PRECONDITION,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    UNIMPLEMENTED,
)
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from server.libraries.network.grpc_protocol import (
    ERROR_DOMAIN,
    ORIGINAL_PATH_KEY,
    STATUS_DETAILS_KEY,
)

CEL = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
# Calls over gRPC and gRPC-Web have its content type and were not transcoded.
FROM_GRPC = (
    "request.headers['content-type'].startsWith('application/grpc')"
    f" && !('{ORIGINAL_PATH_KEY}' in request.headers)"
)
# A gRPC status has no body. (Envoy rejects an empty format string.)
EMPTY = {"text_format_source": {"inline_string": "%REQ(:none)%"}, "omit_empty_values": True}


@dataclass(frozen=True)
class LocalReply:
    """An error: its condition (a CEL expression), code, reason and message.

    `grpc_code` replaces `code` over gRPC, `http_status` replaces Envoy's status over REST.
    `retry_after` is in seconds.
    """

    when: str
    code: int
    reason: str
    message: str
    grpc_code: int | None = None
    http_status: int | None = None
    retry_after: int | None = None


TOO_LARGE = LocalReply(
    "response.code in [413, 431, 507]",
    RESOURCE_EXHAUSTED,
    reason="REQUEST_TOO_LARGE",
    message="The request exceeds the maximum size.",
)
# Raised by gRPC core and never by Envoy.
BAD_COMPRESSION = LocalReply(
    "false",
    INVALID_ARGUMENT,
    reason="MALFORMED_REQUEST",
    message="The message is not compressed as the request's grpc-encoding declares.",
)
LOCAL_REPLIES = (
    # The names in brackets are policies of envoy.yaml's RBAC filter.
    LocalReply(
        "response.code_details.contains('[unsupported-content-type]')",
        UNIMPLEMENTED,
        reason="UNSUPPORTED_CONTENT_TYPE",
        message=(
            "This content type is not supported. Send application/json, application/grpc or "
            "application/grpc-web."
        ),
        http_status=415,
    ),
    LocalReply(
        "response.code_details.contains('[unsupported-encoding]')",
        UNIMPLEMENTED,
        reason="UNSUPPORTED_ENCODING",
        message=(
            "This encoding of the request is not supported. Send JSON without an encoding, and "
            "gRPC messages with identity, gzip or deflate."
        ),
        http_status=415,
    ),
    # The transcoder's own message describes what is wrong with the JSON.
    LocalReply(
        "response.code == 400 && response.code_details.contains('grpc_json_transcode')",
        INVALID_ARGUMENT,
        reason="MALFORMED_REQUEST",
        message="%LOCAL_REPLY_BODY%",
    ),
    LocalReply(
        "response.code == 400 || response.code_details.contains('[malformed-header]')",
        INVALID_ARGUMENT,
        reason="MALFORMED_REQUEST",
        message="The request line or a header is malformed.",
        http_status=400,
    ),
    LocalReply(
        "response.code == 404",
        NOT_FOUND,
        reason="UNKNOWN_PATH",
        message="There is no such path or method.",
        grpc_code=UNIMPLEMENTED,
    ),
    LocalReply(
        "response.code == 405",
        UNIMPLEMENTED,
        reason="METHOD_NOT_ALLOWED",
        message="This path does not support this method. The Allow header lists its methods.",
    ),
    LocalReply(
        "response.code in [408, 504]",
        DEADLINE_EXCEEDED,
        reason="TIMEOUT",
        message="The call took too long.",
    ),
    TOO_LARGE,
    LocalReply(
        "response.code == 429",
        RESOURCE_EXHAUSTED,
        reason="TOO_MANY_REQUESTS",
        message="Too many requests. Try again later.",
        retry_after=1,
    ),
    LocalReply(
        "response.code in [502, 503]",
        UNAVAILABLE,
        reason="UNAVAILABLE",
        message="The server cannot answer right now. Try again.",
        retry_after=1,
    ),
    LocalReply(
        "response.code >= 500", INTERNAL, reason="INTERNAL", message="Something went wrong."
    ),
    # All others, such as 403 for an unsupported upgrade.
    LocalReply(
        "response.code >= 400",
        FAILED_PRECONDITION,
        reason="NOT_SERVED",
        message="This kind of request is not supported.",
    ),
)


def mappers() -> list[Any]:
    """Return Envoy's mappers for LOCAL_REPLIES, those for gRPC callers first."""
    return [each(reply) for each in (_as_grpc, _as_json) for reply in LOCAL_REPLIES]


def grpc_headers(reply: LocalReply) -> dict[str, str]:
    """Return the headers that end a gRPC call with `reply`."""
    code = reply.code if reply.grpc_code is None else reply.grpc_code
    status = Status(code=code, message=reply.message)
    status.details.add().Pack(ErrorInfo(reason=reply.reason, domain=ERROR_DOMAIN))
    if reply.retry_after is not None:
        delay = Duration(seconds=reply.retry_after)
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    details = base64.b64encode(status.SerializeToString()).decode().rstrip("=")
    return {
        "grpc-status": str(code),
        "grpc-message": reply.message,
        STATUS_DETAILS_KEY: details,
    }


def _as_grpc(reply: LocalReply) -> Any:
    headers = {"content-type": "application/grpc"} | grpc_headers(reply)
    return _mapper(f"{FROM_GRPC} && ({reply.when})", headers, EMPTY, 200)


def _as_json(reply: LocalReply) -> Any:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reply.reason,
        "domain": ERROR_DOMAIN,
        "metadata": {},
    }
    details: list[Any] = [info]
    headers = {}
    if reply.retry_after is not None:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        details.append({"@type": kind, "retryDelay": f"{reply.retry_after}s"})
        headers["retry-after"] = str(reply.retry_after)
    body = {"code": reply.code, "message": reply.message, "details": details}
    return _mapper(reply.when, headers, {"json_format": body}, reply.http_status)


def _mapper(when: str, headers: dict[str, str], body: Any, http_status: int | None) -> Any:
    expression = {"@type": CEL, "expression": when}
    # A request that is rejected early has no request id yet.
    request_id = {
        "header": {"key": "x-request-id", "value": "%UNIQUE_ID%"},
        "append_action": "ADD_IF_ABSENT",
    }
    return {
        "filter": {"extension_filter": {"name": "cel", "typed_config": expression}},
        "headers_to_add": [
            *({"header": {"key": key, "value": value}} for key, value in headers.items()),
            request_id,
        ],
        "body_format_override": body,
        **({"status_code": http_status} if http_status else {}),
    }
