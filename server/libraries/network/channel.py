"""A client's gRPC channel to a URL, and the status of its failed calls."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from google.rpc.status_pb2 import Status
from grpc import aio

from server.libraries.network.grpc_protocol import status_in
from server.libraries.network.trusted_certificates import trusted_file


def open_channel(url: str, options: Sequence[tuple[str, int]] = ()) -> aio.Channel:
    """Return a channel: plain text for `http://`, TLS for `https://`.

    Raises StartError if the trusted certificates cannot be read.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    target = parts.netloc if parts.port else f"{parts.netloc}:{443 if secure else 80}"
    if secure:
        return aio.secure_channel(target, _credentials(), options=options)
    return aio.insecure_channel(target, options=options)


def _credentials() -> grpc.ChannelCredentials:
    """Return credentials that trust SSL_CERT_FILE as REST clients do; gRPC does not read it."""
    named = trusted_file()
    return grpc.ssl_channel_credentials(Path(named).read_bytes() if named else None)


def error_status(error: aio.AioRpcError) -> Status:
    """Return the status of a failed call, with the server's typed details if it sent any.

    The details are google.rpc.ErrorInfo and the like.
    """
    return status_in(error.trailing_metadata()) or Status(
        code=error.code().value[0], message=error.details()
    )
