"""Mutual TLS of gRPC: what a worker, and who calls it, make of an Identity."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import grpc

from server.libraries.network.tls import Identity, Pems, Renewal


def server_credentials(identity: Identity) -> grpc.ServerCredentials:
    """Lets in who has a certificate of the authority; renewed files count for new connections."""
    renewal = Renewal(identity)

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        pems = renewal.renewed()
        return _configuration(pems) if pems else None

    return grpc.dynamic_ssl_server_credentials(
        _configuration(renewal.current),
        # Called, by a thread of gRPC's, for each connection; it may return None.
        cast(Callable[[], grpc.ServerCertificateConfiguration], renewed),
        require_client_authentication=True,
    )


def channel(
    address: str, pems: Pems | None, options: Sequence[tuple[str, Any]] = ()
) -> grpc.aio.Channel:
    """A channel to a worker, which must have a certificate for the host in `address`.

    Without `pems`, in plain text.
    """
    if pems is None:
        return grpc.aio.insecure_channel(address, options)
    credentials = grpc.ssl_channel_credentials(pems.authority, pems.key, pems.chain)
    return grpc.aio.secure_channel(address, credentials, options)


def _configuration(pems: Pems) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pems.key, pems.chain)], pems.authority)
