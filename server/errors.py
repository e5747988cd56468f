"""What can go wrong, as the features say it.

    GymlockerError
    ├── InvalidArgument      a field breaks a limit           (names the field)
    ├── Unauthenticated      the caller did not prove who they are
    ├── PermissionDenied     the caller is known, and may not do it    (403)
    ├── NotFound             there is no such thing, or it is not the caller's
    ├── AlreadyExists        somebody has it, or it says something else
    ├── Aborted              the caller's copy is older than what is stored (412)
    ├── OutOfRange           a cursor is too old, or of another database (410)
    ├── FailedPrecondition   this server is not set up for it (says which setting to make)
    │   └── FeatureDisabled  a switch of this server is off   (423)
    ├── Unimplemented        a content type or encoding that is not spoken here (415)
    │   └── UnknownMethod    no such method; over REST, Envoy knows that itself
    ├── ResourceExhausted    a rate limit or quota            (says when to try again)
    └── Unavailable          try again later: database out of reach, or too much to do

    StartError               the process cannot start; the text says what to do about it

Handlers raise these and know nothing of gRPC; `rpc/errors.py` turns them into a status.
"""

from typing import ClassVar

# Somebody has to make room first.
DISK_FULL_RETRY_SECONDS = 3600


class GymlockerError(Exception):
    """An error that the caller is told about.

    `message` is a sentence for people, `reason` an UPPER_SNAKE_CASE name for programs
    (google.rpc.ErrorInfo.reason) that never changes. `http_status` is the status over REST where
    gRPC's code does not lead to it.
    """

    http_status: ClassVar[int | None] = None

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class InvalidArgument(GymlockerError):
    """Fields of the request break their limits.

    `violations` are pairs of a field's path in the proto and what is wrong with it.
    """

    def __init__(
        self, message: str, *, violations: list[tuple[str, str]], reason: str = "INVALID_REQUEST"
    ) -> None:
        super().__init__(message, reason=reason)
        self.violations = violations


class Unauthenticated(GymlockerError):
    """The caller did not prove who they are."""


class PermissionDenied(GymlockerError):
    """The caller is known but may not do this."""


class NotFound(GymlockerError):
    """There is no such thing, or it is not the caller's: both look the same."""


class AlreadyExists(GymlockerError):
    """What is to be made is there already, and is not the same."""


class FailedPrecondition(GymlockerError):
    """The server is not set up for the call; the message says which setting to make."""


class FeatureDisabled(FailedPrecondition):
    """A switch of this server is off."""

    http_status = 423


class Aborted(GymlockerError):
    """The caller's copy is older than what is stored."""

    http_status = 412


class OutOfRange(GymlockerError):
    """A cursor is too old, or belongs to another database."""

    http_status = 410


class Unimplemented(GymlockerError):
    """A content type or encoding that is not spoken here."""

    http_status: ClassVar[int | None] = 415


class UnknownMethod(Unimplemented):
    """There is no such method."""

    http_status = None


class ResourceExhausted(GymlockerError):
    """A rate limit or quota is used up; `retry_after` says for how many seconds."""

    def __init__(self, message: str, *, reason: str, retry_after: int) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class Unavailable(GymlockerError):
    """Not now: the same call may succeed later; `retry_after` says after how many seconds."""

    def __init__(self, message: str, *, reason: str, retry_after: int = 1) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class StartError(Exception):
    """A command cannot do its work. The text is one sentence that says what to do about it."""


def no_such_user() -> NotFound:
    """The error for an id or a lookup that nobody has."""
    return NotFound("There is no such user.", reason="USER_NOT_FOUND")


def disk_full() -> ResourceExhausted:
    """Return the error for a server whose disk is full."""
    return ResourceExhausted(
        "The server's disk is full: only deletions are accepted. Try again later.",
        reason="DISK_FULL",
        retry_after=DISK_FULL_RETRY_SECONDS,
    )


def wrong_password() -> Unauthenticated:
    """Return the error for a password that is not the user's."""
    return Unauthenticated("The user or the password is wrong.", reason="WRONG_PASSWORD")


def invalid_token(
    message: str = "The access token is not valid. Log in again.",
) -> Unauthenticated:
    """Return the error for an access token that is invalid or belongs to another user."""
    return Unauthenticated(message, reason="INVALID_ACCESS_TOKEN")
