"""Mapping of errors to gRPC statuses; no other module knows both.

Every status carries an `ErrorInfo {reason, domain: "gymlocker"}`; Envoy transcodes it to JSON. An
unhandled exception becomes INTERNAL with a fixed text; the log has the details, by request id.
"""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from server.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    FeatureDisabled,
    GymlockerError,
    InvalidArgument,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    UnknownMethod,
)
from server.libraries.network.grpc_protocol import (
    AUTHENTICATE_KEY,
    ERROR_DOMAIN,
    HTTP_STATUS_KEY,
    REQUEST_ID_KEY,
    RETRY_AFTER_KEY,
    STATUS_DETAILS_KEY,
)
from server.libraries.rpc.context import Context, current_request_id
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method

_log = structlog.get_logger("errors")

_CODES: dict[type[GymlockerError], grpc.StatusCode] = {
    InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    TooLarge: grpc.StatusCode.INVALID_ARGUMENT,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    Aborted: grpc.StatusCode.ABORTED,
    OutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    FeatureDisabled: grpc.StatusCode.FAILED_PRECONDITION,
    Unimplemented: grpc.StatusCode.UNIMPLEMENTED,
    UnknownMethod: grpc.StatusCode.UNIMPLEMENTED,
    ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
}

# The message is sent twice in the trailers, which Envoy limits to 60 KiB.
MAX_MESSAGE_CHARACTERS = 1000


class ErrorInterceptor(Interceptor):
    """Aborts failed calls with the status of their error.

    Calls `on_limit` with the reason of each ResourceExhausted.
    """

    def __init__(
        self, methods: Mapping[str, Method], on_limit: Callable[[str], None] = lambda _: None
    ) -> None:
        super().__init__(methods)
        self._on_limit = on_limit

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Map the errors of calls."""

        async def map_error(request: Any, context: Context) -> Any:
            try:
                return await call_next(request, context)
            except GymlockerError as error:
                if isinstance(error, ResourceExhausted):
                    self._on_limit(error.reason)
                if error.__cause__ is not None:
                    cause = _log_fields(error.__cause__)
                    _log.warning("call_failed", reason=error.reason, **cause)
                await abort_with(context, error)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # Cancelled inside the server, not by the client, which would wait forever.
                await _abort_unhandled(context, error)
            except aio.InternalError:
                # A message of a stream could not be sent, since its client is gone. gRPC knows.
                raise
            except Exception as error:
                await _abort_unhandled(context, error)

        return map_error


async def abort_with(context: Context, error: GymlockerError) -> NoReturn:
    """Abort the call with the status of `error`."""
    code, details = _CODES[type(error)], _details(error)
    await _abort(context, code, error.message, details, http_status=error.http_status)


def status_of(error: GymlockerError) -> Status:
    """Return the status of `error`, for streams that report errors without ending the call."""
    status = Status(code=_CODES[type(error)].value[0], message=error.message)
    for detail in _details(error):
        status.details.add().Pack(detail)
    return status


async def _abort_unhandled(context: Context, error: BaseException) -> NoReturn:
    request_id = current_request_id.get()
    _log.error("unhandled_exception", **_log_fields(error))
    await _abort(
        context,
        grpc.StatusCode.INTERNAL,
        f"Something went wrong in the server. Its log has the details under {request_id}.",
        [ErrorInfo(reason="INTERNAL", domain=ERROR_DOMAIN)],
    )


async def _abort(
    context: Context,
    code: grpc.StatusCode,
    message: str,
    details: list[Message],
    *,
    http_status: int | None = None,
) -> NoReturn:
    if len(message) > MAX_MESSAGE_CHARACTERS:
        # It quotes what the client sent.
        message = message[:MAX_MESSAGE_CHARACTERS] + "…"
    status = Status(code=code.value[0], message=message)
    metadata: list[tuple[str, str | bytes]] = [(REQUEST_ID_KEY, current_request_id.get())]
    if http_status is not None:
        metadata.append((HTTP_STATUS_KEY, str(http_status)))
    if code == grpc.StatusCode.UNAUTHENTICATED:
        # Required by HTTP: RFC 9110, 15.5.2.
        metadata.append((AUTHENTICATE_KEY, 'Bearer realm="gymlocker"'))
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
        if isinstance(detail, RetryInfo):
            metadata.append((RETRY_AFTER_KEY, str(detail.retry_delay.seconds)))
    metadata.append((STATUS_DETAILS_KEY, status.SerializeToString()))
    await context.abort(code, message, tuple(metadata))


def _details(error: GymlockerError) -> list[Message]:
    metadata = error.metadata if isinstance(error, PermissionDenied) else {}
    details: list[Message] = [
        ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN, metadata=metadata)
    ]
    if isinstance(error, InvalidArgument):
        violations = [
            BadRequest.FieldViolation(field=field, description=description)
            for field, description in error.violations
        ]
        details.append(BadRequest(field_violations=violations))
    if isinstance(error, (ResourceExhausted, Unavailable)):
        details.append(RetryInfo(retry_delay=Duration(seconds=error.retry_after)))
    return details


def _log_fields(error: BaseException) -> dict[str, str]:
    """Return log fields of `error`: its type and traceback, but not its text.

    The text of a database error can quote the affected row.
    """
    return {
        "error": type(error).__name__,
        "sqlstate": str(getattr(error, "sqlstate", "-")),
        "at": "".join(traceback.format_tb(error.__traceback__)),
        "request_id": current_request_id.get(),
    }
