"""Errors of calls as sentences, and the warning about unencrypted connections."""

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode, aio

from server.libraries.network.url import DEFAULT_URL
from server.programs.client.channel import request_failed, warn_if_unencrypted

URL = "http://gym.example"


RESPONSE_METADATA = aio.Metadata(("x-request-id", "1"))


def sentence(
    code: StatusCode, message: str = "", *details: Message, url: str = URL, responded: bool = True
) -> str:
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        status.details.add().Pack(detail)
    trailing = aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    metadata = (RESPONSE_METADATA, trailing) if responded else (aio.Metadata(), aio.Metadata())
    return str(request_failed(url, aio.AioRpcError(code, *metadata, message)))


def error_info(reason: str) -> Message:
    info: Message = error_details_pb2.ErrorInfo(reason=reason, domain="gymlocker")
    return info


class TestRequestFailed:
    def test_states_waiting_time_of_rate_limit(self) -> None:
        message = "Too many wrong passwords. Try again in 90 s."
        details = (
            error_info("TOO_MANY_PASSWORDS"),
            error_details_pb2.RetryInfo(retry_delay=Duration(seconds=90)),
        )
        text = sentence(StatusCode.RESOURCE_EXHAUSTED, message, *details)
        assert text == "Too many wrong passwords: try again in 90 seconds."
        assert sentence(StatusCode.RESOURCE_EXHAUSTED, "Too large.") == "Too large."

    @pytest.mark.parametrize(
        "reason",
        ["SESSION_ENDED", "INVALID_REFRESH_TOKEN", "INVALID_ACCESS_TOKEN", "ACCESS_TOKEN_EXPIRED"],
    )
    def test_explains_login_after_end_of_session(self, reason: str) -> None:
        ended = sentence(StatusCode.UNAUTHENTICATED, "", error_info(reason))
        assert ended == f"Your session at {URL} has ended: run `gymlocker login --url {URL}`."
        ended = sentence(StatusCode.UNAUTHENTICATED, "", error_info(reason), url=DEFAULT_URL)
        assert ended.endswith("run `gymlocker login`.")

    @pytest.mark.parametrize(
        ("code", "start"),
        [
            (StatusCode.UNAVAILABLE, "The server at http://gym.example is unavailable"),
            (StatusCode.DEADLINE_EXCEEDED, "The server at http://gym.example took too long"),
            (StatusCode.INTERNAL, "The connection to http://gym.example was interrupted (why)"),
            (StatusCode.UNIMPLEMENTED, "The server at http://gym.example is not a Gymlocker (why)"),
        ],
    )
    def test_explains_errors_without_reason(self, code: StatusCode, start: str) -> None:
        assert sentence(code, "why").startswith(start)

    def test_explains_unreachable_server(self) -> None:
        text = sentence(StatusCode.UNAVAILABLE, "Connection refused", responded=False)
        assert text.startswith("No server responds at http://gym.example: ")

    def test_returns_printable_message_of_server(self) -> None:
        assert sentence(grpc.StatusCode.INTERNAL, "Its log \x1b tells", error_info("INTERNAL")) == (
            "Its log tells"
        )


class TestWarnIfUnencrypted:
    def test_warns_of_remote_http_only(self, capsys: pytest.CaptureFixture[str]) -> None:
        for url in (
            "http://127.0.0.1:1",
            "http://localhost",
            "http://[::1]:1",
            "https://a.example",
        ):
            warn_if_unencrypted(url)
        assert capsys.readouterr().err == ""
        warn_if_unencrypted("http://gym.example:8080")
        assert (
            "The connection to http://gym.example:8080 is not encrypted" in capsys.readouterr().err
        )
