"""What errors say to a person, and where a connection is worth a warning."""

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode, aio

from server.programs.client.channel import DEFAULT_URL, refused, warn_of_eavesdroppers

URL = "http://gym.example"
ANSWERED = aio.Metadata(("x-request-id", "1"))


def sentence(
    code: StatusCode, message: str = "", *details: Message, url: str = URL, answered: bool = True
) -> str:
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        status.details.add().Pack(detail)
    trailing = aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    metadata = (ANSWERED, trailing) if answered else (aio.Metadata(), aio.Metadata())
    return str(refused(url, aio.AioRpcError(code, *metadata, message)))


def because(reason: str) -> Message:
    info: Message = error_details_pb2.ErrorInfo(reason=reason, domain="gymlocker")
    return info


def test_too_many_passwords_says_how_long_to_wait() -> None:
    message = "Too many wrong passwords. Try again in 90 s."
    details = (
        because("TOO_MANY_PASSWORDS"),
        error_details_pb2.RetryInfo(retry_delay=Duration(seconds=90)),
    )
    said = sentence(StatusCode.RESOURCE_EXHAUSTED, message, *details)
    assert said == "Too many wrong passwords: try again in 90 seconds."
    assert sentence(StatusCode.RESOURCE_EXHAUSTED, "Too large.") == "Too large."


@pytest.mark.parametrize(
    "reason",
    ["SESSION_ENDED", "INVALID_REFRESH_TOKEN", "INVALID_ACCESS_TOKEN", "ACCESS_TOKEN_EXPIRED"],
)
def test_the_end_of_a_session_says_how_to_log_in_again(reason: str) -> None:
    ended = sentence(StatusCode.UNAUTHENTICATED, "", because(reason))
    assert ended == f"Your session at {URL} has ended: run `gymlocker login --url {URL}`."
    ended = sentence(StatusCode.UNAUTHENTICATED, "", because(reason), url=DEFAULT_URL)
    assert ended.endswith("run `gymlocker login`.")


@pytest.mark.parametrize(
    ("code", "start"),
    [
        (StatusCode.UNAVAILABLE, "The server at http://gym.example cannot answer right now"),
        (StatusCode.DEADLINE_EXCEEDED, "The server at http://gym.example took too long"),
        (StatusCode.INTERNAL, "The connection to http://gym.example broke off (why)"),
        (StatusCode.UNIMPLEMENTED, "What answers at http://gym.example is not a Gymlocker (why)"),
    ],
)
def test_errors_that_are_not_the_servers_own(code: StatusCode, start: str) -> None:
    assert sentence(code, "why").startswith(start)


def test_nothing_answers() -> None:
    said = sentence(StatusCode.UNAVAILABLE, "Connection refused", answered=False)
    assert said.startswith("No Gymlocker answers at http://gym.example: ")


def test_a_foreseen_error_is_said_as_the_server_says_it() -> None:
    assert sentence(grpc.StatusCode.INTERNAL, "Its log \x1b tells", because("INTERNAL")) == (
        "Its log tells"
    )


def test_it_is_said_where_a_password_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("http://127.0.0.1:1", "http://localhost", "http://[::1]:1", "https://a.example"):
        warn_of_eavesdroppers(url)
    assert capsys.readouterr().err == ""
    warn_of_eavesdroppers("http://gym.example:8080")
    assert "http://gym.example:8080 can read your password" in capsys.readouterr().err
