"""gRPC credentials for mutual TLS between workers and their clients."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import grpc

from server.libraries.network.tls import Identity, Pems, Renewal


def server_credentials(identity: Identity) -> grpc.ServerCredentials:
    """Return credentials that require a client certificate signed by the authority.

    Renewed files apply to new connections.
    """
    renewal = Renewal(identity)

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        pems = renewal.renewed()
        return _configuration(pems) if pems else None

    return grpc.dynamic_ssl_server_credentials(
        _configuration(renewal.current),
        # gRPC calls it in a thread for each connection; None keeps the configuration.
        cast(Callable[[], grpc.ServerCertificateConfiguration], renewed),
        require_client_authentication=True,
    )


def channel(
    address: str, pems: Pems | None, options: Sequence[tuple[str, Any]] = ()
) -> grpc.aio.Channel:
    """Return a channel to a worker, whose certificate must match the host in `address`.

    Without `pems`, the channel is in plain text.
    """
    if pems is None:
        return grpc.aio.insecure_channel(address, options)
    credentials = grpc.ssl_channel_credentials(pems.authority, pems.key, pems.chain)
    return grpc.aio.secure_channel(address, credentials, options)


def _configuration(pems: Pems) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pems.key, pems.chain)], pems.authority)
