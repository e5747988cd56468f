"""`gymlocker health`: asks a process how it is, from the outside, as a container's health check."""

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

# A frame with an empty message: the process as a whole.
EMPTY = bytes(5)


async def check(address: str, seconds: float, identity: Identity | None = None) -> None:
    """Asks the gRPC health service at `address`; raises StartError, saying why, if it is not well.

    `address` is host:port or unix:path, of a worker, or of Envoy, which passes the question on.
    It is about the process alone: that the database is down is not cured by a restart.
    With an `identity`, it is asked by mutual TLS.
    """
    async with channel(address, identity.read() if identity else None) as asked:
        stub: Any = health_pb2_grpc.HealthStub(asked)
        try:
            reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.aio.AioRpcError as error:
            raise StartError(f"{address}: {error.code().name} ({error.details()})") from None
    if reply.status != reply.SERVING:
        raise StartError(f"{address}: {reply.ServingStatus.Name(reply.status)}")


async def check_tls(address: str, seconds: float) -> None:
    """Asks as `check` does, by TLS: for a front door that has a certificate.

    By gRPC-Web, which the front door speaks, too: gRPC's own client has no way to take whatever
    certificate comes, and a front door is asked by an address that is not its name.
    """
    headers = {"content-type": "application/grpc-web+proto"}
    reply = await _asked(
        address, seconds, True, "POST", HEALTH_CHECK_PATH, content=EMPTY, headers=headers
    )
    body = reply.content
    length = int.from_bytes(body[1:5], "big")
    if reply.status_code != HTTPStatus.OK or len(body) < 5 + length or body[0] != 0:
        why = reply.headers.get("grpc-message") or reply.text.strip() or "no health service"
        raise StartError(f"{address}: {reply.status_code} ({why})")
    told = health_pb2.HealthCheckResponse.FromString(body[5 : 5 + length])
    if told.status != told.SERVING:
        raise StartError(f"{address}: {told.ServingStatus.Name(told.status)}")


async def check_http(address: str, seconds: float, *, tls: bool = False) -> None:
    """Asks `GET /health` at `address`; raises StartError, saying why, if it is not well.

    For the web process, which speaks no gRPC, and for Envoy, behind which the database is asked.
    """
    reply = await _asked(address, seconds, tls, "GET", "/health")
    if reply.status_code != HTTPStatus.OK:
        raise StartError(f"{address}: {reply.status_code} ({reply.text.strip()})")


async def _asked(
    address: str, seconds: float, tls: bool, verb: str, path: str, **request: Any
) -> httpx2.Response:
    try:
        async with asyncio.timeout(seconds), _client(address, tls) as client:
            return await client.request(verb, path, timeout=None, **request)
    except TimeoutError:
        raise StartError(f"{address}: no answer within {seconds:g} s") from None
    except httpx2.TransportError as error:
        raise StartError(f"{address}: {error}") from None


def _client(address: str, tls: bool) -> httpx2.AsyncClient:
    """A client that asks nobody else: no proxy of the environment.

    It takes any certificate: nothing secret is asked, or told.
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
