"""The lines that `gymlocker up` prints when it is ready."""

from pathlib import Path

from server.libraries.network.address import Address
from server.programs.local.options import MetricsAddresses


def welcome(
    address: Address, metrics: MetricsAddresses | None, *, database: Path | None, tls: bool
) -> str:
    """Return the lines, with commands to try. `database` is the folder of the embedded one."""
    scheme, plain = ("https", "") if tls else ("http", "-plaintext ")
    kept = database or "the database that DATABASE_URL names"
    return "\n".join(
        [
            f"Gymlocker is ready at {scheme}://{address.name}",
            f"  curl {scheme}://{address.name}/health",
            f"  grpcurl {plain}{address.name} list",
            f"  uv run gymlocker demo --url {scheme}://{address.name}",
            *_metrics_lines(metrics),
            f"Everything is kept in {kept}; Ctrl-C stops it.",
        ]
    )


def _metrics_lines(metrics: MetricsAddresses | None) -> list[str]:
    if metrics is None:
        return []
    workers = {f"worker-{number}": place for number, place in enumerate(metrics.workers)}
    places = {"Envoy": metrics.envoy, "web": metrics.web, **workers}
    return [f"  metrics of {name}: http://{place}/metrics" for name, place in places.items()]
