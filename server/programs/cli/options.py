"""Options of `gymlocker` that several subcommands have, or that take words to declare."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

TlsCert: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Speak TLS with this certificate and its chain, PEM."),
]
TlsKey: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The key of that certificate, PEM.")
]
WorkerTlsCert: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Mutual TLS with the workers: our certificate, PEM."),
]
WorkerTlsKey: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The key of that certificate, PEM.")
]
WorkerTlsCa: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Who has signed the workers' certificates, PEM.")
]
Metrics: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Where Prometheus finds /metrics, say 127.0.0.1:9464."),
]
TlsClientCa: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Who has signed the clients' certificates, PEM."),
]
MetricsPort: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Where Prometheus finds Envoy's /metrics; the web process's and the workers' are "
        "at the next ports. 0 for any.",
    ),
]
Asked: TypeAlias = Annotated[
    str, typer.Option(help="Whom to ask: host:port or unix:/path/to/socket.")
]
ByHttp: TypeAlias = Annotated[
    bool, typer.Option("--http", help="Ask by GET /health: the front door, or the web process.")
]
ByTls: TypeAlias = Annotated[
    bool,
    typer.Option("--tls", help="Ask the front door by TLS, whatever its certificate says."),
]
Http3Port: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        help="The UDP port that clients reach HTTP/3 at.",
        show_default="that of --listen",
    ),
]

WORKER_TLS = "--worker-tls-cert, --worker-tls-key and --worker-tls-ca"
