"""The gRPC and REST transports: equal responses and equal errors."""

import json
from pathlib import Path

import grpc
import httpx2
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from gymlocker.v2 import event_pb2, system_pb2, user_pb2
from gymlocker.v2.user_pb2_grpc import UserServiceStub

from server.errors import StartError
from server.programs.demo.transport import (
    CallError,
    GrpcTransport,
    RestTransport,
    Transport,
    Unreachable,
    channel_over,
)
from tests.programs.demo.fakes import FakeServer, grpc_server
from tests.programs.gateway.authority import HOST, Authority

pytestmark = pytest.mark.asyncio

URL = "http://gymlocker.example"
GET_USER = user_pb2.DESCRIPTOR.services_by_name["UserService"].methods_by_name["GetUser"]
GET_EVENTS = event_pb2.DESCRIPTOR.services_by_name["EventService"].methods_by_name["GetEvents"]
HEALTH = system_pb2.DESCRIPTOR.services_by_name["SystemService"].methods_by_name["GetHealth"]
TRANSPORTS = ["over_grpc", "over_rest", "over_rest_v2"]


@pytest.fixture(params=TRANSPORTS)
def transport(
    request: pytest.FixtureRequest,
    over_grpc: Transport,
    over_rest: Transport,
    over_rest_v2: Transport,
) -> Transport:
    """Return each of the three transports in turn."""
    transports = {"over_grpc": over_grpc, "over_rest": over_rest, "over_rest_v2": over_rest_v2}
    return transports[request.param]


def _rest(handle: httpx2.MockTransport) -> RestTransport:
    return RestTransport(URL, transport=handle)


def _responding(response: httpx2.Response) -> RestTransport:
    return _rest(httpx2.MockTransport(lambda _: response))


async def _error(transport: Transport, request: Message | None = None) -> CallError:
    with pytest.raises(CallError) as raised:
        await transport.call(GET_USER, request or user_pb2.GetUserRequest(id_or_lookup="nobody"))
    return raised.value


class TestTransports:
    async def test_carry_calls_of_generated_stubs(
        self, fake: FakeServer, transport: Transport
    ) -> None:
        users = UserServiceStub(channel_over(transport))
        account = await users.CreateUser(user_pb2.CreateUserRequest())
        await users.UpdateUser(
            user_pb2.UpdateUserRequest(
                id=account.id,
                password=account.password,
                encrypted_name=bytes(range(256)),
                encryption_iv=bytes(16),
            )
        )
        found = await users.GetUser(user_pb2.GetUserRequest(id_or_lookup=account.lookup))
        assert isinstance(found, user_pb2.GetUserResponse)
        assert (found.id, found.encrypted_name) == (account.id, bytes(range(256)))
        both = await users.GetUsers(user_pb2.GetUsersRequest(ids=[account.id]))
        assert both.users[account.id] == found
        assert fake.calls[-1] == "UserService.GetUsers"

    async def test_raise_the_same_error(self, transport: Transport) -> None:
        error = await _error(transport)
        assert error.code is grpc.StatusCode.NOT_FOUND
        assert error.message == "because USER_NOT_FOUND"
        assert error.details.code == grpc.StatusCode.NOT_FOUND.value[0]
        info = error_details_pb2.ErrorInfo()
        assert error.details.details[0].Unpack(info)
        assert (info.reason, info.domain) == ("USER_NOT_FOUND", "gymlocker")

    async def test_raise_unavailable_without_server(self) -> None:
        for transport in (GrpcTransport("http://127.0.0.1:1"), RestTransport("http://127.0.0.1:1")):
            error = await _error(transport)
            assert error.code is grpc.StatusCode.UNAVAILABLE
            assert error.details.code == grpc.StatusCode.UNAVAILABLE.value[0]
            await transport.close()

    async def test_do_not_send_https_unencrypted(self) -> None:
        for transport in (
            GrpcTransport("https://127.0.0.1:1"),
            RestTransport("https://127.0.0.1:1"),
        ):
            assert (await _error(transport)).code is grpc.StatusCode.UNAVAILABLE
            await transport.close()


class TestRestTransport:
    async def test_sends_metadata_as_headers(self) -> None:
        requests: list[httpx2.Request] = []

        def handle(request: httpx2.Request) -> httpx2.Response:
            requests.append(request)
            return httpx2.Response(200, json={})

        rest = _rest(httpx2.MockTransport(handle))
        metadata = (("authorization", "Bearer abc"),)
        await rest.call(HEALTH, system_pb2.GetHealthRequest(), metadata=metadata)
        await rest.call(GET_EVENTS, event_pb2.GetEventsRequest())
        assert requests[0].headers["authorization"] == "Bearer abc"
        assert (requests[0].method, str(requests[0].url), requests[0].content) == (
            "GET",
            f"{URL}/health",
            b"",
        )
        assert "authorization" not in requests[1].headers
        assert (requests[1].method, requests[1].url.path, json.loads(requests[1].content)) == (
            "POST",
            "/events",
            {},
        )
        assert requests[1].headers["content-type"] == "application/json"

    @pytest.mark.parametrize(
        ("status", "content", "code"),
        [
            (404, b"<html>", grpc.StatusCode.UNIMPLEMENTED),
            (503, b"", grpc.StatusCode.UNAVAILABLE),
            (502, b"\xff\xfe", grpc.StatusCode.UNAVAILABLE),
            (413, b"[]", grpc.StatusCode.UNKNOWN),
            (302, b"{}", grpc.StatusCode.UNKNOWN),
            (400, b'{"code": 3, "message": "no"}', grpc.StatusCode.INVALID_ARGUMENT),
            (400, b'{"code": 3, "message": "no", "more": 1}', grpc.StatusCode.INVALID_ARGUMENT),
            (500, b'{"code": 99, "message": "odd"}', grpc.StatusCode.UNKNOWN),
        ],
    )
    async def test_maps_http_status_of_foreign_errors(
        self, status: int, content: bytes, code: grpc.StatusCode
    ) -> None:
        error = await _error(_responding(httpx2.Response(status, content=content)))
        assert error.code is code
        assert error.message
        assert not isinstance(error, Unreachable)

    @pytest.mark.parametrize("content", [b"<html>", b"[1]", b"", b"\xff", b'{"id": 5}'])
    async def test_rejects_success_with_other_content(self, content: bytes) -> None:
        error = await _error(_responding(httpx2.Response(200, content=content)))
        assert error.code is grpc.StatusCode.INTERNAL
        assert error.message == "the response is not the JSON of a GetUserResponse"

    async def test_ignores_unknown_fields_of_newer_servers(self) -> None:
        rest = _responding(httpx2.Response(200, json={"id": "a", "newer": {"b": 1}}))
        found = await rest.call(GET_USER, user_pb2.GetUserRequest(id_or_lookup="a"))
        assert found == user_pb2.GetUserResponse(id="a")


class TestGrpcTransport:
    async def test_trusts_the_authority_in_ssl_cert_file(
        self, fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority = Authority(tmp_path)
        authority.issue(tmp_path)
        pair = ((tmp_path / "key.pem").read_bytes(), (tmp_path / "chain.pem").read_bytes())
        server = grpc_server(fake)
        port = server.add_secure_port(f"{HOST}:0", grpc.ssl_server_credentials([pair]))
        await server.start()
        url = f"https://{HOST}:{port}"
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        stranger = GrpcTransport(url, timeout=10)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
        friend = GrpcTransport(url, timeout=10)
        with pytest.raises(CallError, match="UNAVAILABLE"):
            await stranger.call(HEALTH, system_pb2.GetHealthRequest())
        await friend.call(HEALTH, system_pb2.GetHealthRequest())
        for transport in (stranger, friend):
            await transport.close()
        await server.stop(None)

    async def test_names_missing_authority_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", "/no/such.pem")
        with pytest.raises(
            StartError, match=r"SSL_CERT_FILE: /no/such\.pem cannot be read \(No such"
        ):
            GrpcTransport("https://localhost")
