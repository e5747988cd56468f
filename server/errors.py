"""The errors of the API, and the one of a process that cannot start.

    GymlockerError
    ├── InvalidArgument      a field breaks a limit           (names the field)
    │   └── TooLarge         a file breaks its limit          (413)
    ├── Unauthenticated      missing or wrong credentials
    ├── PermissionDenied     the caller is known but may not do this (403)
    ├── NotFound             it does not exist, or belongs to another user
    ├── AlreadyExists        it exists already, with another content or owner
    ├── Aborted              the caller's copy is older than the stored one (412)
    ├── OutOfRange           a cursor is too old, or from another database (410)
    ├── FailedPrecondition   the server is not set up for it  (names the setting)
    │   └── FeatureDisabled  the feature is switched off      (423)
    ├── Unimplemented        unsupported content type or encoding (415)
    │   └── UnknownMethod    no such method; over REST, Envoy finds that out
    ├── ResourceExhausted    a rate limit or quota            (with the seconds to wait)
    └── Unavailable          retry later: database unreachable, or overloaded

    StartError               the process cannot start; the text says how to fix it

Handlers raise these and do not know gRPC; `rpc/errors.py` maps them to statuses.
"""

from collections.abc import Mapping
from typing import ClassVar

# An operator has to free space first.
DISK_FULL_RETRY_SECONDS = 3600


class GymlockerError(Exception):
    """An error that is sent to the client.

    `message` is a sentence for people. `reason` is an UPPER_SNAKE_CASE name for programs
    (google.rpc.ErrorInfo.reason) that never changes. `http_status` overrides the HTTP status that
    follows from gRPC's code.
    """

    http_status: ClassVar[int | None] = None

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class InvalidArgument(GymlockerError):
    """Fields of the request break their limits.

    `violations` are pairs of a field's path in the proto and a description of its error.
    """

    def __init__(
        self, message: str, *, violations: list[tuple[str, str]], reason: str = "INVALID_REQUEST"
    ) -> None:
        super().__init__(message, reason=reason)
        self.violations = violations


class TooLarge(InvalidArgument):
    """The file has more bytes than the server accepts."""

    http_status = 413


class Unauthenticated(GymlockerError):
    """The credentials are missing or wrong."""


class PermissionDenied(GymlockerError):
    """The caller is known but may not do this; `metadata` are details for programs."""

    def __init__(
        self, message: str, *, reason: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, reason=reason)
        self.metadata = metadata or {}


class NotFound(GymlockerError):
    """The resource does not exist or belongs to another user; a client cannot tell which."""


class AlreadyExists(GymlockerError):
    """The resource to create exists already and differs."""


class FailedPrecondition(GymlockerError):
    """The server is not set up for the call; the message names the setting to change."""


class FeatureDisabled(FailedPrecondition):
    """The feature is switched off on this server."""

    http_status = 423


class Aborted(GymlockerError):
    """The caller's copy is older than the stored one."""

    http_status = 412


class OutOfRange(GymlockerError):
    """The cursor is too old, or belongs to another database."""

    http_status = 410


class Unimplemented(GymlockerError):
    """The content type or encoding is not supported."""

    http_status: ClassVar[int | None] = 415


class UnknownMethod(Unimplemented):
    """The method does not exist."""

    http_status = None


class ResourceExhausted(GymlockerError):
    """A rate limit or quota is used up; `retry_after` is the seconds until a retry can succeed."""

    def __init__(self, message: str, *, reason: str, retry_after: int) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class Unavailable(GymlockerError):
    """The call may succeed later; `retry_after` is the seconds to wait before a retry."""

    def __init__(self, message: str, *, reason: str, retry_after: int = 1) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class StartError(Exception):
    """A command cannot do its work. The text says what is wrong and how to fix it."""


def no_such_user() -> NotFound:
    """Return the error for an id or a lookup without a user."""
    return NotFound("There is no such user.", reason="USER_NOT_FOUND")


def disk_full() -> ResourceExhausted:
    """Return the error for a server whose disk is full."""
    return ResourceExhausted(
        "The server's disk is full: only deletions are accepted. Try again later.",
        reason="DISK_FULL",
        retry_after=DISK_FULL_RETRY_SECONDS,
    )


def wrong_password() -> Unauthenticated:
    """Return the error for a wrong password."""
    return Unauthenticated("The user or the password is wrong.", reason="WRONG_PASSWORD")


def session_ended() -> Unauthenticated:
    """Return the error for an access token whose session has ended."""
    return Unauthenticated("The session has ended. Log in again.", reason="SESSION_ENDED")


def account_disabled() -> PermissionDenied:
    """Return the error for a user whom the operator has disabled."""
    return PermissionDenied(
        "The account is disabled. Ask the operator of the server.", reason="ACCOUNT_DISABLED"
    )


def invalid_token(
    message: str = "The access token is not valid. Log in again.",
) -> Unauthenticated:
    """Return the error for an access token that is invalid or belongs to another user."""
    return Unauthenticated(message, reason="INVALID_ACCESS_TOKEN")
