"""What can go wrong, as the features say it.

    GymlockerError
    ├── InvalidArgument      a field breaks a limit           (names the field)
    ├── Unauthenticated      the caller did not prove who they are
    ├── NotFound             there is no such thing, or it is not the caller's
    ├── AlreadyExists        somebody has it, or it says something else
    ├── FailedPrecondition   this server is not set up for it (says which setting to make)
    ├── ResourceExhausted    a rate limit or quota            (says when to try again)
    └── Unavailable          try again later: database out of reach, or too much to do

    StartError               the process cannot start; the text says what to do about it

Handlers raise these and know nothing of gRPC; `rpc/errors.py` turns them into a status.
"""


class GymlockerError(Exception):
    """An error that the caller is told about.

    `message` is a sentence for people, `reason` an UPPER_SNAKE_CASE name for programs
    (google.rpc.ErrorInfo.reason) that never changes.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class InvalidArgument(GymlockerError):
    """Fields of the request break their limits.

    `violations` are pairs of a field's path in the proto and what is wrong with it.
    """

    def __init__(self, message: str, *, violations: list[tuple[str, str]]) -> None:
        super().__init__(message, reason="INVALID_REQUEST")
        self.violations = violations


class Unauthenticated(GymlockerError):
    """The caller did not prove who they are."""


class NotFound(GymlockerError):
    """There is no such thing, or it is not the caller's: both look the same."""


class AlreadyExists(GymlockerError):
    """What is to be made is there already, and is not the same."""


class FailedPrecondition(GymlockerError):
    """The server is not set up for the call; the message says which setting to make."""


class ResourceExhausted(GymlockerError):
    """A rate limit or quota is used up; `retry_after` says for how many seconds."""

    def __init__(self, message: str, *, reason: str, retry_after: int) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class Unavailable(GymlockerError):
    """Not now: the same call may succeed later."""


class StartError(Exception):
    """A command cannot do its work. The text is one sentence that says what to do about it."""


def no_such_user() -> NotFound:
    """The error for an id or a lookup that nobody has."""
    return NotFound("There is no such user.", reason="USER_NOT_FOUND")
