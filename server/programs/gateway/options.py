"""The options of `gymlocker gateway`, and the Envoy configuration built from them."""

import sys
from dataclasses import dataclass
from pathlib import Path

from server.libraries.common.paths import DESCRIPTOR_SET, ENVOY_TEMPLATE
from server.libraries.network.address import metrics_address, option_address
from server.libraries.network.tls import Certificate, Identity
from server.libraries.settings import GatewaySettings
from server.programs.gateway.certificates import write_sds_identity, write_sds_secret
from server.programs.gateway.config import Gateway, render
from server.programs.gateway.listeners import http3_port
from server.programs.gateway.memory_limit import ALONE, heap_bytes

ADMIN = "admin.sock"


@dataclass(frozen=True)
class GatewayOptions:
    """The command line of `gymlocker gateway`; addresses are host:port.

    Prometheus scrapes metrics at `metrics_at`. `http3_port` is the port that clients use for
    HTTP/3, if a device in front forwards a port other than that of `listen`. With an `identity`,
    Envoy calls the workers over mutual TLS.
    """

    listen: str
    workers: tuple[str, ...]
    web: str | None = None
    metrics_at: str | None = None
    certificate: Certificate | None = None
    http3_port: int | None = None
    identity: Identity | None = None


def write_configuration(settings: GatewaySettings, options: GatewayOptions, folder: Path) -> Path:
    """Write Envoy's configuration into a folder and return the file. Raises StartError."""
    host, port = option_address("--listen", options.listen, "0.0.0.0:8080")
    certificate, metrics_at = options.certificate, options.metrics_at
    gateway = Gateway(
        host=host,
        port=port,
        workers=options.workers,
        descriptor_set=DESCRIPTOR_SET,
        cors_origins=settings.cors_origins,
        trusted_proxies=settings.trusted_proxies,
        web=options.web,
        metrics=metrics_address(metrics_at) if metrics_at else None,
        admin_socket=folder / ADMIN,
        tls=write_sds_secret(certificate, folder / "certificate.yaml") if certificate else None,
        http3_port=_http3_port(options, host, port) if certificate else None,
        identity=write_sds_identity(options.identity, folder) if options.identity else None,
        heap_bytes=heap_bytes(ALONE),
    )
    configuration = folder / "envoy.yaml"
    configuration.write_text(render(ENVOY_TEMPLATE.read_text(), gateway))
    return configuration


def _http3_port(options: GatewayOptions, host: str, port: int) -> int | None:
    listening = http3_port(host, port, lambda line: print(line, file=sys.stderr))
    return listening and (options.http3_port or listening)
