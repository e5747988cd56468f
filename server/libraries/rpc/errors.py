"""Turns errors into statuses: the one place that knows both.

Every status carries an `ErrorInfo {reason, domain: "gymlocker"}`; Envoy prints it as JSON. What
nobody foresaw is INTERNAL with a fixed text; the details go to the log, under the request id.
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
    Unauthenticated,
    Unavailable,
    Unimplemented,
    UnknownMethod,
)
from server.libraries.rpc.context import REQUEST_ID_KEY, Context, current_request_id
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method

DOMAIN = "gymlocker"
# The HTTP status that the front door gives a transcoded call, where the code leads to another.
HTTP_STATUS_KEY = "x-http-status"

_log = structlog.get_logger("errors")

_CODES: dict[type[GymlockerError], grpc.StatusCode] = {
    InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
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


class ErrorInterceptor(Interceptor):
    """Ends calls that raised with the status that says why.

    `refused` is told the reason of each that is at a limit.
    """

    def __init__(
        self, methods: Mapping[str, Method], refused: Callable[[str], None] = lambda _: None
    ) -> None:
        super().__init__(methods)
        self._refused = refused

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Maps the error of each call that has one."""

        async def map_error(request: Any, context: Context) -> Any:
            try:
                return await call_next(request, context)
            except GymlockerError as error:
                if isinstance(error, ResourceExhausted):
                    self._refused(error.reason)
                if error.__cause__ is not None:
                    _log.warning("failed", reason=error.reason, **_described(error.__cause__))
                await abort_with(context, error)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # Not the client's doing: something inside was cancelled. Unanswered, it hangs.
                await _abort_unhandled(context, error)
            except Exception as error:
                await _abort_unhandled(context, error)

        return map_error


async def abort_with(context: Context, error: GymlockerError) -> NoReturn:
    """Ends the call with the status of `error`."""
    code, details = _CODES[type(error)], _details(error)
    await _abort(context, code, error.message, details, http_status=error.http_status)


def status_of(error: GymlockerError) -> Status:
    """The status that a call would end with; for streams in which not the call ends, but a part."""
    status = Status(code=_CODES[type(error)].value[0], message=error.message)
    for detail in _details(error):
        status.details.add().Pack(detail)
    return status


async def _abort_unhandled(context: Context, error: BaseException) -> NoReturn:
    request_id = current_request_id.get()
    _log.error("unhandled_exception", **_described(error))
    await _abort(
        context,
        grpc.StatusCode.INTERNAL,
        f"Something went wrong in the server. Its log tells more under {request_id}.",
        [ErrorInfo(reason="INTERNAL", domain=DOMAIN)],
    )


async def _abort(
    context: Context,
    code: grpc.StatusCode,
    message: str,
    details: list[Message],
    *,
    http_status: int | None = None,
) -> NoReturn:
    status = Status(code=code.value[0], message=message)
    metadata: list[tuple[str, str | bytes]] = [(REQUEST_ID_KEY, current_request_id.get())]
    if http_status is not None:
        metadata.append((HTTP_STATUS_KEY, str(http_status)))
    if code == grpc.StatusCode.UNAUTHENTICATED:
        # HTTP asks for it: RFC 9110, 15.5.2.
        metadata.append(("www-authenticate", 'Bearer realm="gymlocker"'))
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
        if isinstance(detail, RetryInfo):
            metadata.append(("retry-after", str(detail.retry_delay.seconds)))
    metadata.append(("grpc-status-details-bin", status.SerializeToString()))
    await context.abort(code, message, tuple(metadata))


def _details(error: GymlockerError) -> list[Message]:
    details: list[Message] = [ErrorInfo(reason=error.reason, domain=DOMAIN)]
    if isinstance(error, InvalidArgument):
        violations = [
            BadRequest.FieldViolation(field=field, description=description)
            for field, description in error.violations
        ]
        details.append(BadRequest(field_violations=violations))
    if isinstance(error, (ResourceExhausted, Unavailable)):
        details.append(RetryInfo(retry_delay=Duration(seconds=error.retry_after)))
    return details


def _described(error: BaseException) -> dict[str, str]:
    """What the log may know of `error`: its kind and where, not its text.

    The text of a database error can quote the row that it was about.
    """
    return {
        "error": type(error).__name__,
        "sqlstate": str(getattr(error, "sqlstate", "-")),
        "at": "".join(traceback.format_tb(error.__traceback__)),
        "request_id": current_request_id.get(),
    }
