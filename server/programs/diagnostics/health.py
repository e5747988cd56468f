"""`gymlocker health`: the health check of a process from outside, as for containers."""

import asyncio
from http import HTTPStatus
from typing import Any

import grpc
import httpx2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from server.errors import StartError
from server.libraries.network.address import host_and_port, unix_path
from server.libraries.network.grpc_protocol import HEALTH_CHECK_PATH
from server.libraries.network.grpc_tls import channel
from server.libraries.network.tls import Identity

# A frame with an empty message, which asks for the process as a whole.
EMPTY = bytes(5)


async def check(address: str, seconds: float, identity: Identity | None = None) -> None:
    """Call the gRPC health service at `address`; raise StartError with the reason if unhealthy.

    `address` is host:port or unix:path, of a worker, or of Envoy, which forwards the request. Only
    the process is checked: a restart would not help if the database is down. With an `identity`,
    mutual TLS is used.
    """
    async with channel(address, identity.read() if identity else None) as connection:
        stub: Any = health_pb2_grpc.HealthStub(connection)
        try:
            response = await stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.aio.AioRpcError as error:
            raise StartError(f"{address}: {error.code().name} ({error.details()})") from None
    _require_serving(address, response)


async def check_tls(address: str, seconds: float) -> None:
    """Call the health service as `check` does, over TLS, for a front door with a certificate.

    Uses gRPC-Web, which the front door supports: gRPC's own client cannot accept any certificate,
    and the front door is called by an address that is not in its certificate.
    """
    headers = {"content-type": "application/grpc-web+proto"}
    response = await _request(
        address, seconds, True, "POST", HEALTH_CHECK_PATH, content=EMPTY, headers=headers
    )
    body = response.content
    length = int.from_bytes(body[1:5], "big")
    if response.status_code != HTTPStatus.OK or len(body) < 5 + length or body[0] != 0:
        reason = response.headers.get("grpc-message") or response.text.strip()
        raise StartError(f"{address}: {response.status_code} ({reason or 'no health service'})")
    message = health_pb2.HealthCheckResponse.FromString(body[5 : 5 + length])
    _require_serving(address, message)


async def check_http(address: str, seconds: float, *, tls: bool = False) -> None:
    """Send `GET /health` to `address`; raise StartError with the reason if unhealthy.

    For the web process, which has no gRPC service, and for Envoy, which includes the database.
    """
    response = await _request(address, seconds, tls, "GET", "/health")
    if response.status_code != HTTPStatus.OK:
        raise StartError(f"{address}: {response.status_code} ({response.text.strip()})")


def _require_serving(address: str, response: health_pb2.HealthCheckResponse) -> None:
    if response.status != response.SERVING:
        raise StartError(f"{address}: {response.ServingStatus.Name(response.status)}")


async def _request(
    address: str, seconds: float, tls: bool, method: str, path: str, **options: Any
) -> httpx2.Response:
    try:
        async with asyncio.timeout(seconds), _client(address, tls) as client:
            return await client.request(method, path, timeout=None, **options)
    except TimeoutError:
        raise StartError(f"{address}: no answer within {seconds:g} s") from None
    except httpx2.TransportError as error:
        raise StartError(f"{address}: {error}") from None


def _client(address: str, tls: bool) -> httpx2.AsyncClient:
    """Create a client that ignores the environment's proxies.

    It accepts any certificate: neither request nor response contains a secret.
    """
    scheme = "https" if tls else "http"
    if path := unix_path(address):
        transport = httpx2.AsyncHTTPTransport(uds=path, verify=False)
        return httpx2.AsyncClient(transport=transport, base_url=f"{scheme}://web")
    place = host_and_port(address)
    if place is None:
        raise StartError(f"--address {address} is neither host:port nor unix:/path.")
    transport = httpx2.AsyncHTTPTransport(verify=False)
    return httpx2.AsyncClient(transport=transport, base_url=f"{scheme}://{place.name}")
