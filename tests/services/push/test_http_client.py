"""Requests to push services: which connections are made."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.services.push import http_client
from server.services.push.addresses import Addresses, ForbiddenAddress, SystemResolver
from server.services.push.endpoint_url import EndpointUrl
from server.services.push.http_client import HttpClient, PushResponse
from tests.programs.gateway.authority import Authority
from tests.services.push.receiver import Receiver, receiving
from tests.services.push.test_addresses import PRIVATE_IPV4, resolver, wrapped


class Unlimited:
    """A rate that nobody exceeds."""

    async def take(self, host: str) -> float:
        return 0


@asynccontextmanager
async def client_of(
    resolve: Callable[[str], Awaitable[list[str]]], *, allow_private: bool
) -> AsyncIterator[HttpClient]:
    client = HttpClient(Addresses(resolve, allow_private=allow_private), Unlimited())
    yield client
    await client.close()


@pytest.fixture
async def client(receiver: Receiver) -> AsyncIterator[HttpClient]:
    """Yield a client that trusts the receiver and may connect to it."""
    async with client_of(SystemResolver(), allow_private=True) as client:
        yield client


def url_of(receiver: Receiver, target: str = "/abc") -> EndpointUrl:
    return EndpointUrl(receiver.host, receiver.port, target)


class TestPost:
    async def test_sends_request(self, receiver: Receiver, client: HttpClient) -> None:
        response = await client.post(url_of(receiver, "/a?b=c"), {"TTL": "5"}, b"body")
        assert response == PushResponse(201)
        [push] = receiver.pushes
        assert (push.path, push.body, push.headers["ttl"]) == ("/a?b=c", b"body", "5")
        assert push.headers["host"] == f"localhost:{receiver.port}"

    async def test_keeps_connection(self, receiver: Receiver, client: HttpClient) -> None:
        for _ in range(3):
            await client.post(url_of(receiver), {}, b"body")
        assert receiver.connections == 1

    async def test_follows_no_redirect(self, receiver: Receiver, client: HttpClient) -> None:
        receiver.answer(307, f"Location: {receiver.origin}/elsewhere")
        response = await client.post(url_of(receiver), {}, b"body")
        assert response == PushResponse(307)
        assert [push.path for push in receiver.pushes] == ["/abc"]

    async def test_returns_retry_after(self, receiver: Receiver, client: HttpClient) -> None:
        receiver.answer(429, "Retry-After: 120")
        assert await client.post(url_of(receiver), {}, b"") == PushResponse(429, "120")

    async def test_stops_reading_long_response(
        self, receiver: Receiver, client: HttpClient
    ) -> None:
        # Its end never comes.
        receiver.answers.append(b"HTTP/1.1 201 C\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 9999)
        assert await client.post(url_of(receiver), {}, b"") == PushResponse(201)

    async def test_returns_nothing_for_slow_response(
        self, receiver: Receiver, client: HttpClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http_client, "REQUEST_SECONDS", 0.3)
        receiver.answers.append(b"HTTP/1.1 201 Created\r\n")
        assert await client.post(url_of(receiver), {}, b"") is None

    async def test_returns_nothing_for_flood_of_informational_responses(
        self, receiver: Receiver, client: HttpClient
    ) -> None:
        continues = b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000
        receiver.answers.append(continues + b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        assert await client.post(url_of(receiver), {}, b"") is None

    async def test_bounds_each_response_of_a_kept_connection(
        self, receiver: Receiver, client: HttpClient
    ) -> None:
        for _ in range(12):
            receiver.answer(201, body=b"x" * 4000)
            assert await client.post(url_of(receiver), {}, b"") == PushResponse(201)
        assert receiver.connections == 1

    @pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 999999 x\r\n\r\n"], ids=repr)
    async def test_returns_nothing_for_other_protocols(
        self, receiver: Receiver, client: HttpClient, answer: bytes
    ) -> None:
        receiver.answers.append(answer)
        assert await client.post(url_of(receiver), {}, b"") is None

    async def test_returns_nothing_if_host_is_down_or_unknown(self, client: HttpClient) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            down = EndpointUrl("localhost", bound.getsockname()[1], "/")
            assert await client.post(down, {}, b"") is None
        assert await client.post(EndpointUrl("nowhere.invalid", 443, "/"), {}, b"") is None

    async def test_tries_next_address(self, receiver: Receiver) -> None:
        # Nothing listens at the first one.
        resolve = resolver(["127.0.0.2", "127.0.0.1"])
        async with client_of(resolve, allow_private=True) as client:
            assert await client.post(url_of(receiver), {}, b"") == PushResponse(201)

    async def test_verifies_name_of_host(self, receiver: Receiver) -> None:
        async with client_of(resolver(["127.0.0.1"]), allow_private=True) as client:
            other = EndpointUrl("push.example", receiver.port, "/")
            assert await client.post(other, {}, b"") is None
        assert receiver.pushes == []

    async def test_verifies_authority(self, receiver: Receiver, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        async with receiving(Authority(other)) as stranger:
            async with client_of(SystemResolver(), allow_private=True) as client:
                assert await client.post(url_of(stranger), {}, b"") is None
            assert stranger.pushes == []

    async def test_uses_no_proxy_of_the_environment(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        async with client_of(SystemResolver(), allow_private=True) as client:
            assert await client.post(url_of(receiver), {}, b"") == PushResponse(201)


class TestPrivateAddresses:
    """The real network stack, and a listener that no connection must reach."""

    @pytest.fixture
    async def refusing(self, receiver: Receiver) -> AsyncIterator[HttpClient]:
        async with client_of(SystemResolver(), allow_private=False) as client:
            yield client

    @pytest.mark.parametrize(
        "host",
        [
            *("localhost", "127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"),
            *("::ffff:7f00:1", "::7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::1"),
            # Forms that the parser rejects, and the operating system would understand.
            *("127.1", "127.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "0x7f000001", "0"),
        ],
    )
    async def test_listener_gets_no_connection(
        self, receiver: Receiver, refusing: HttpClient, host: str
    ) -> None:
        with pytest.raises(ForbiddenAddress):
            await refusing.post(EndpointUrl(host, receiver.port, "/"), {}, b"")
        assert receiver.connections == 0

    async def test_control_reaches_the_listener(
        self, receiver: Receiver, client: HttpClient
    ) -> None:
        await client.post(url_of(receiver), {}, b"")
        assert receiver.connections == 1

    @pytest.mark.parametrize("address", [*PRIVATE_IPV4, *wrapped("127.0.0.1")])
    async def test_name_of_private_address_is_forbidden(
        self, receiver: Receiver, address: str
    ) -> None:
        async with client_of(resolver([address]), allow_private=False) as client:
            with pytest.raises(ForbiddenAddress):
                await client.post(EndpointUrl("push.example", receiver.port, "/"), {}, b"")
        assert receiver.connections == 0

    async def test_name_is_resolved_once_for_a_connection(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A DNS server that changes its mind: the check gets a public address, then comes this
        # machine's.
        questions: list[str] = []

        async def resolve(host: str) -> list[str]:
            questions.append(host)
            return ["192.0.2.1"] if len(questions) == 1 else ["127.0.0.1"]

        monkeypatch.setattr("server.services.push.addresses.is_public", lambda address: True)
        monkeypatch.setattr(http_client, "CONNECT_SECONDS", 0.3)
        async with client_of(resolve, allow_private=False) as client:
            response = await client.post(EndpointUrl("localhost", receiver.port, "/"), {}, b"")
        assert response is None
        assert questions == ["localhost"]
        assert receiver.connections == 0

    async def test_name_that_becomes_private_is_forbidden(self, receiver: Receiver) -> None:
        answers = resolver(["1.1.1.1"], ["127.0.0.1"])
        addresses = Addresses(answers, allow_private=False)
        # The check at the registration.
        await addresses.of("localhost")
        client = HttpClient(addresses, Unlimited())
        with pytest.raises(ForbiddenAddress):
            await client.post(url_of(receiver), {}, b"")
        await client.close()
        assert receiver.connections == 0

    async def test_unix_sockets_are_forbidden(self) -> None:
        addresses = Addresses(SystemResolver(), allow_private=True)
        backend = http_client._CheckedBackend(addresses, Unlimited())
        with pytest.raises(ForbiddenAddress):
            await asyncio.wait_for(backend.connect_unix_socket("/run/postgres"), 1)
