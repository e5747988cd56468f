"""Options of `gymlocker` that several commands share or that are long to declare."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Url: TypeAlias = Annotated[str, typer.Option(help="URL of the server.")]
Live: TypeAlias = Annotated[
    bool,
    typer.Option("--live", help="Show two phones; what you type on one appears on the other."),
]
NoInput: TypeAlias = Annotated[
    bool, typer.Option("--no-input", help="With --live: publish some workouts and exit.")
]
Listen: TypeAlias = Annotated[
    str, typer.Option(help="Address to listen on: host:port or unix:/path/to/socket.")
]
Workers: TypeAlias = Annotated[
    list[str],
    typer.Option(
        help="Address of a worker; a host name may resolve to several workers. Repeatable."
    ),
]
TlsCert: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Enable TLS with this certificate chain (PEM)."),
]
TlsKey: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Private key of --tls-cert (PEM).")
]
TlsClientCa: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="CA that signed the clients' certificates (PEM)."),
]
WorkerTlsCert: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Enable mutual TLS with the workers: the client certificate (PEM)."
    ),
]
WorkerTlsKey: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Private key of --worker-tls-cert (PEM).")
]
WorkerTlsCa: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="CA that signed the workers' certificates (PEM)."),
]
Metrics: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Serve /metrics for Prometheus here, such as 127.0.0.1:9464."
    ),
]
WebBeside: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Also serve the pages and the chat here, in this process: host:port or "
        "unix:/path/to/socket."
    ),
]
WebMetrics: TypeAlias = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Serve the /metrics of --web here.")
]
MetricsPort: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Serve Envoy's /metrics for Prometheus on this port; the web process and the workers "
        "use the next ports. 0 for any free ports.",
    ),
]
HealthAddress: TypeAlias = Annotated[
    str, typer.Option(help="Address to check: host:port or unix:/path/to/socket.")
]
OverHttp: TypeAlias = Annotated[
    bool, typer.Option("--http", help="Use GET /health: for the gateway or the web process.")
]
OverTls: TypeAlias = Annotated[
    bool,
    typer.Option("--tls", help="Connect to the gateway over TLS; do not verify its certificate."),
]
Http3Port: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        help="UDP port that clients use for HTTP/3.",
        show_default="that of --listen",
    ),
]

WORKER_TLS = "--worker-tls-cert, --worker-tls-key and --worker-tls-ca"
