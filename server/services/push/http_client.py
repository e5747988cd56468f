"""Requests to push services.

A connection goes to an address that was checked, and TLS still verifies the name. There are no
redirects, and no proxies from the environment, which would resolve the name themselves. Apart from
its users, because it takes memory: it is imported with the first push.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore2

from server.libraries.network.client_network import network_of
from server.libraries.network.trusted_certificates import trusted_file
from server.services.push.addresses import Addresses, ForbiddenAddress
from server.services.push.endpoint_url import EndpointUrl
from server.services.push.host_rate import HostRate, TooManyPushes

REQUEST_SECONDS = 10.0
CONNECT_SECONDS = 3.0
MAX_ADDRESSES = 3
MAX_CONNECTIONS = 100
KEEP_SECONDS = 60.0
# The contents are not read, but a connection can only be kept when they are over.
MAX_RESPONSE_BYTES = 4096
# With headers and informational responses, of which a server may send any number.
MAX_RECEIVED_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True)
class PushResponse:
    """The status of a push service, and its Retry-After."""

    status: int
    retry_after: str | None = None


class HttpClient:
    """Client of all push services."""

    def __init__(self, addresses: Addresses, rate: HostRate) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_trusting_context(),
            network_backend=_CheckedBackend(addresses, rate),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEP_SECONDS,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def post(
        self, url: EndpointUrl, headers: Mapping[str, str], body: bytes
    ) -> PushResponse | None:
        """Send a push; None if there was no response.

        Raise ForbiddenAddress or TooManyPushes.
        """
        target = httpcore2.URL(
            scheme=b"https", host=url.host.encode(), port=url.port, target=url.target.encode()
        )
        sent = {"Host": url.authority, "Content-Length": str(len(body)), **headers}
        try:
            async with (
                asyncio.timeout(REQUEST_SECONDS),
                self._pool.stream(
                    "POST", target, headers=list(sent.items()), content=body
                ) as response,
            ):
                await _read_some(response)
                return PushResponse(response.status, _retry_after(response))
        except (ForbiddenAddress, TooManyPushes):
            raise
        # `OSError` covers failed lookups and the timeout.
        except (OSError, *_HTTP_ERRORS):
            return None


_HTTP_ERRORS = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
)


async def _read_some(response: httpcore2.Response) -> None:
    size = 0
    async for chunk in response.aiter_stream():
        size += len(chunk)
        if size > MAX_RESPONSE_BYTES:
            return


def _retry_after(response: httpcore2.Response) -> str | None:
    for name, value in response.headers:
        if name.lower() == b"retry-after":
            return value.decode("latin-1")
    return None


def _trusting_context() -> ssl.SSLContext:
    if named := trusted_file():
        return ssl.create_default_context(cafile=named)
    return httpcore2.default_ssl_context()


class _CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Network of the client: resolves a name once, and connects to what was checked."""

    def __init__(self, addresses: Addresses, rate: HostRate) -> None:
        self._addresses = addresses
        self._rate = rate
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of the host that responds."""
        error: Exception = httpcore2.ConnectError()
        for address in (await self._addresses.of(host))[:MAX_ADDRESSES]:
            if wait := await self._rate.take(network_of(address)):
                raise TooManyPushes(wait)
            try:
                return _BoundedStream(
                    await self._network.connect_tcp(
                        address, port, CONNECT_SECONDS, local_address, socket_options
                    )
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failed:
                error = failed
        raise error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: push services have addresses."""
        raise ForbiddenAddress


class _BoundedStream(httpcore2.AsyncNetworkStream):
    """A connection that fails when too much is received after what was sent last."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._received = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive some bytes. Raise ReadError beyond MAX_RECEIVED_BYTES."""
        if self._received >= MAX_RECEIVED_BYTES:
            raise httpcore2.ReadError("too long a response")
        data = await self._stream.read(min(max_bytes, MAX_RESPONSE_BYTES), timeout)
        self._received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._received = 0
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return the connection with TLS, bounded as well."""
        return _BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return a property of the connection."""
        return self._stream.get_extra_info(info)
