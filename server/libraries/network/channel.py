"""A gRPC client's first and last steps: the channel to a URL, and what a refusal says."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc import aio

from server.libraries.network.trusted_certificates import trusted_file

_STATUS_DETAILS = "grpc-status-details-bin"


def open_channel(url: str, options: Sequence[tuple[str, int]] = ()) -> aio.Channel:
    """A channel in the clear for `http://`, with trust as over REST for `https://`.

    Raises StartError if what is to be trusted cannot be read.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    target = parts.netloc if parts.port else f"{parts.netloc}:{443 if secure else 80}"
    if secure:
        return aio.secure_channel(target, _credentials(), options=options)
    return aio.insecure_channel(target, options=options)


def _credentials() -> grpc.ChannelCredentials:
    """Trusts the file SSL_CERT_FILE, which gRPC itself does not know, as REST clients do."""
    named = trusted_file()
    return grpc.ssl_channel_credentials(Path(named).read_bytes() if named else None)


def refused_status(error: aio.AioRpcError) -> status_pb2.Status:
    """The whole status of a call that was not answered with OK.

    It has the server's typed details (google.rpc.ErrorInfo and the like) if there were any.
    """
    for key, value in error.trailing_metadata() or ():
        if key == _STATUS_DETAILS and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status(code=error.code().value[0], message=error.details())
