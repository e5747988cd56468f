"""ErrorInterceptor: the status and the log of failed calls."""

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc import StatusCode, aio
from structlog.testing import capture_logs

from server import errors
from server.libraries.rpc.context import current_request_id
from server.libraries.rpc.errors import MAX_MESSAGE_CHARACTERS, ErrorInterceptor
from server.libraries.rpc.interceptor import CallNext
from tests.libraries.rpc.fakes import METHODS, FakeContext, method

CANARY = "canary-in-the-text-of-an-exception"


def raising(error: BaseException) -> CallNext:
    """Return a handler that raises `error`."""

    async def call_next(request: Any, _: Any) -> Any:
        raise error

    return call_next


async def intercepted(call_next: CallNext, call: FakeContext) -> Any:
    """Run a call that `call_next` handles."""
    interceptor = ErrorInterceptor(METHODS)
    wrapped = interceptor.wrap(method("UserService/GetUser"), call_next)
    return await wrapped(b"request", call.context)


async def aborted(error: BaseException) -> FakeContext:
    """Return the context of a call that fails with `error`."""
    call = FakeContext()
    with pytest.raises(grpc.aio.AbortError):
        await intercepted(raising(error), call)
    return call


async def test_passes_a_successful_call_through() -> None:
    async def call_next(request: Any, _: Any) -> Any:
        return request + b" answered"

    call = FakeContext()
    assert await intercepted(call_next, call) == b"request answered"
    assert call.code is None


async def test_cuts_message_that_quotes_the_request() -> None:
    call = await aborted(errors.InvalidArgument("Wrong: " + "x" * 100_000, violations=[]))
    assert len(call.message) == MAX_MESSAGE_CHARACTERS + 1
    assert call.message.startswith("Wrong: x") and call.message.endswith("x…")
    assert call.status.message == call.message


ERRORS: list[tuple[errors.GymlockerError, StatusCode]] = [
    (errors.InvalidArgument("Wrong.", violations=[]), StatusCode.INVALID_ARGUMENT),
    (errors.TooLarge("Much.", violations=[]), StatusCode.INVALID_ARGUMENT),
    (errors.Unauthenticated("Who?", reason="WRONG_PASSWORD"), StatusCode.UNAUTHENTICATED),
    (errors.PermissionDenied("No.", reason="R"), StatusCode.PERMISSION_DENIED),
    (errors.NotFound("Nothing.", reason="USER_NOT_FOUND"), StatusCode.NOT_FOUND),
    (errors.AlreadyExists("There.", reason="USERNAME_TAKEN"), StatusCode.ALREADY_EXISTS),
    (errors.Aborted("Old.", reason="R"), StatusCode.ABORTED),
    (errors.OutOfRange("Gone.", reason="R"), StatusCode.OUT_OF_RANGE),
    (errors.FeatureDisabled("Off.", reason="R"), StatusCode.FAILED_PRECONDITION),
    (errors.Unimplemented("What?", reason="R"), StatusCode.UNIMPLEMENTED),
    (errors.UnknownMethod("Where?", reason="R"), StatusCode.UNIMPLEMENTED),
    (errors.FailedPrecondition("Not here.", reason="R"), StatusCode.FAILED_PRECONDITION),
    (errors.ResourceExhausted("Much.", reason="R", retry_after=7), StatusCode.RESOURCE_EXHAUSTED),
    (errors.Unavailable("Later.", reason="DATABASE_UNAVAILABLE"), StatusCode.UNAVAILABLE),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
async def test_maps_an_error_to_its_status(error: errors.GymlockerError, code: StatusCode) -> None:
    call = await aborted(error)
    assert (call.code, call.message) == (code, error.message)
    assert (call.status.code, call.status.message) == (code.value[0], error.message)
    assert call.detail(ErrorInfo) == ErrorInfo(reason=error.reason, domain="gymlocker")


def test_every_error_is_tested_here() -> None:
    kinds = vars(errors).values()
    ours = {k for k in kinds if isinstance(k, type) and issubclass(k, errors.GymlockerError)}
    assert {type(error) for error, _ in ERRORS} == ours - {errors.GymlockerError}


async def test_invalid_argument_names_its_field() -> None:
    call = await aborted(errors.InvalidArgument("Wrong.", violations=[("a.b[1]", "too long")]))
    (violation,) = call.detail(BadRequest).field_violations
    assert (violation.field, violation.description) == ("a.b[1]", "too long")


async def test_resource_exhausted_has_a_retry_delay() -> None:
    call = await aborted(errors.ResourceExhausted("Much.", reason="R", retry_after=7))
    assert call.trailing["retry-after"] == "7"
    assert call.detail(RetryInfo).retry_delay.seconds == 7


@pytest.mark.parametrize(
    "error", [ValueError(CANARY), AssertionError(CANARY), asyncio.CancelledError(CANARY)]
)
async def test_unhandled_exception_is_internal_without_its_text(
    error: BaseException,
) -> None:
    current_request_id.set("the-request-id")
    with capture_logs() as log:
        call = await aborted(error)
    assert call.code == StatusCode.INTERNAL
    assert call.message == (
        "Something went wrong in the server. Its log has the details under the-request-id."
    )
    assert call.detail(ErrorInfo) == ErrorInfo(reason="INTERNAL", domain="gymlocker")
    assert CANARY not in str(call)
    (entry,) = log
    assert (entry["event"], entry["log_level"]) == ("unhandled_exception", "error")
    assert entry["error"] == type(error).__name__
    assert entry["request_id"] == "the-request-id"
    assert "raise error" in entry["at"]
    assert CANARY not in str(log)


async def test_logs_the_cause_of_an_error_without_its_text() -> None:
    current_request_id.set("the-request-id")
    error = errors.Unavailable("Later.", reason="DATABASE_UNAVAILABLE")
    error.__cause__ = ConnectionError(CANARY)
    with capture_logs() as log:
        call = await aborted(error)
    assert call.code == StatusCode.UNAVAILABLE
    (entry,) = log
    assert (entry["event"], entry["error"]) == ("call_failed", "ConnectionError")
    assert entry["request_id"] == "the-request-id"
    assert CANARY not in str(log) + str(call)


async def test_error_returns_the_request_id() -> None:
    current_request_id.set("the-request-id")
    call = await aborted(ValueError())
    assert call.trailing["x-request-id"] == "the-request-id"


async def test_does_not_abort_a_cancelled_call() -> None:
    started = asyncio.Event()

    async def call_next(request: Any, _: Any) -> Any:
        started.set()
        await asyncio.Event().wait()

    call = FakeContext()
    task = asyncio.create_task(intercepted(call_next, call))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.code is None


async def test_does_not_report_a_message_that_could_not_be_sent() -> None:
    call = FakeContext()
    with capture_logs() as log, pytest.raises(aio.InternalError):
        await intercepted(raising(aio.InternalError()), call)
    assert (call.code, log) == (None, [])


async def test_unauthenticated_has_a_challenge() -> None:
    call = await aborted(errors.Unauthenticated("Who?", reason="ACCESS_TOKEN_MISSING"))
    assert call.trailing["www-authenticate"] == 'Bearer realm="gymlocker"'
    assert "www-authenticate" not in (await aborted(errors.no_such_user())).trailing
