"""The command `gymlocker`: its entry point, and the commands that run its programs."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.errors import StartError
from server.libraries.common.exit import errors_as_sentences
from server.libraries.network.url import DEFAULT_URL
from server.programs.cli.accounts import accounts
from server.programs.cli.backups import backups
from server.programs.cli.database import db
from server.programs.cli.exercises import exercises
from server.programs.cli.keys import keys
from server.programs.cli.migration import migration
from server.programs.cli.operation import operation, warn_of_misspelt_settings
from server.programs.cli.options import (
    WORKER_TLS,
    Http3Port,
    Listen,
    Live,
    Metrics,
    MetricsPort,
    NoInput,
    TlsCert,
    TlsClientCa,
    TlsKey,
    Url,
    WebBeside,
    WebMetrics,
    Workers,
    WorkerTlsCa,
    WorkerTlsCert,
    WorkerTlsKey,
)
from server.programs.cli.user_access import user_access
from server.programs.cli.users import users
from server.programs.cli.workout_files import workout_files
from server.programs.cli.workouts import workouts

if TYPE_CHECKING:
    from server.libraries.network.tls import Identity

app = typer.Typer(
    name="gymlocker",
    help=(
        "A privacy-first fitness backend: an end-to-end encrypted workout feed over gRPC, "
        "gRPC-Web and REST, and a training diary.\n\nStart here: `gymlocker up` runs everything "
        "on this machine, and `gymlocker demo` shows the feed at work. For your own diary, run "
        "`gymlocker login`, then `gymlocker workouts`."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line. A StartError or a full disk prints one sentence and exits with 1."""
    with errors_as_sentences():
        app()


def _print_version(is_requested: bool) -> None:
    if is_requested:
        from importlib.metadata import version

        print(f"gymlocker {version('gymlocker')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Declare the options of `gymlocker` itself."""


@app.command()
def up(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for all interfaces.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free port.")
    ] = 8080,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Number of worker processes.", show_default="one per core, up to 4"
        ),
    ] = None,
    data_dir: Annotated[
        # Typer's own check would not say who owns the folder.
        Path,
        typer.Option(readable=False, help="Folder for the database, the logs and the sockets."),
    ] = Path(".gymlocker"),
    metrics_port: MetricsPort = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Run everything on this machine: PostgreSQL, migrations, workers and Envoy.

    If DATABASE_URL is set, use that PostgreSQL instead of an embedded one. Ctrl-C stops everything.

    Example: gymlocker up, then in another terminal: gymlocker demo
    """
    from server.libraries.network.tls import certificate_of
    from server.programs.diagnostics.configuration import require_usable
    from server.programs.local.options import UpOptions, default_workers
    from server.programs.local.up import up as run_up

    warn_of_misspelt_settings()
    require_usable()
    options = UpOptions(
        host=host,
        port=port,
        workers=workers or default_workers(),
        data_dir=data_dir,
        metrics_port=metrics_port,
        certificate=certificate_of(tls_cert, tls_key),
    )
    run_up(options)


@app.command()
def serve(
    listen: Listen,
    reflection: Annotated[
        bool,
        typer.Option(help="Enable server reflection for grpcurl and similar (or: REFLECTION)."),
    ] = False,
    metrics: Metrics = None,
    web: WebBeside = None,
    web_metrics: WebMetrics = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_client_ca: TlsClientCa = None,
) -> None:
    """Run one worker, for production: a gRPC server behind Envoy.

    Requires DATABASE_URL, a database that `gymlocker migrate` has brought up to date, and
    JWT_SECRET_KEY, which must be equal for all workers (generate one: openssl rand -hex 32). With
    --tls-cert, only clients with a certificate signed by --tls-client-ca are accepted.

    Example: DATABASE_URL=postgresql://user:password@host/name gymlocker serve --listen 0.0.0.0:9090
    """
    from server.libraries.rpc.tuning import tune

    tune()
    from server.libraries.common.logging import configure_logging
    from server.libraries.network.tls import identity_of
    from server.libraries.network.trusted_certificates import trusted_file
    from server.libraries.settings import load_worker_settings
    from server.programs.worker.main import serve as run_worker

    warn_of_misspelt_settings()
    trusted_file()
    options = "--tls-cert, --tls-key and --tls-client-ca"
    identity = identity_of(tls_cert, tls_key, tls_client_ca, options, [listen])
    settings = load_worker_settings()
    configure_logging(settings.worker.log_level, settings.worker.log_format)
    work = run_worker(
        settings,
        listen=listen,
        reflection=reflection or settings.worker.reflection,
        metrics_at=metrics,
        identity=identity,
        beside=_web_beside(listen, web, web_metrics, identity),
    )
    _run(work)


@app.command()
def web(
    listen: Listen,
    worker: Workers,
    metrics: Metrics = None,
    worker_tls_cert: WorkerTlsCert = None,
    worker_tls_key: WorkerTlsKey = None,
    worker_tls_ca: WorkerTlsCa = None,
) -> None:
    """Run the web process, for production: web pages, and the chat of the LiftLog app.

    Example: gymlocker web --listen 0.0.0.0:8000 --worker server:9090
    """
    from server.libraries.common.logging import configure_logging
    from server.libraries.network.tls import identity_of
    from server.libraries.settings import LogSettings, load
    from server.programs.web.main import serve_web

    identity = identity_of(worker_tls_cert, worker_tls_key, worker_tls_ca, WORKER_TLS, worker)
    settings = load(LogSettings)
    configure_logging(settings.log_level, settings.log_format)
    _run(serve_web(listen, tuple(worker), metrics, identity))


@app.command()
def gateway(
    listen: Annotated[str, typer.Option(help="Address to listen on: host:port.")],
    worker: Workers,
    web: Annotated[
        str | None, typer.Option(help="Address of the web process, for the pages and the chat.")
    ] = None,
    metrics: Metrics = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    worker_tls_cert: WorkerTlsCert = None,
    worker_tls_key: WorkerTlsKey = None,
    worker_tls_ca: WorkerTlsCa = None,
    http3_port: Http3Port = None,
) -> None:
    """Run Envoy in front of the workers, for production: one port for gRPC, gRPC-Web and REST.

    Example: gymlocker gateway --listen 0.0.0.0:8080 --worker server:9090 --web web:8000
    """
    from server.libraries.network.tls import certificate_of, identity_of
    from server.libraries.settings import LogSettings, load
    from server.programs.gateway.main import run_envoy
    from server.programs.gateway.options import GatewayOptions

    warn_of_misspelt_settings()
    load(LogSettings)
    options = GatewayOptions(
        listen,
        tuple(worker),
        web,
        metrics,
        certificate=certificate_of(tls_cert, tls_key),
        http3_port=http3_port,
        identity=identity_of(worker_tls_cert, worker_tls_key, worker_tls_ca, WORKER_TLS, worker),
    )
    sys.exit(run_envoy(options))


@app.command()
def demo(url: Url = DEFAULT_URL, live: Live = False, no_input: NoInput = False) -> None:
    """Show the encrypted feed at work: two people with real keys, over the network.

    Exits with code 1 if any byte differs from what was sent.
    """
    from rich.console import Console

    from server.programs.demo import run, run_live

    console = Console()
    shown = run_live(url, console, is_typed=not no_input) if live else run(url, console)
    if not asyncio.run(shown):
        sys.exit(1)


app.add_typer(migration)
app.add_typer(operation)
app.add_typer(accounts)
workouts.add_typer(workout_files)
app.add_typer(workouts)
app.add_typer(exercises)
users.add_typer(user_access)
app.add_typer(users)
app.add_typer(backups)
app.add_typer(keys)
app.add_typer(db)


def _web_beside(
    listen: str, web: str | None, metrics: str | None, identity: "Identity | None"
) -> AbstractAsyncContextManager[None] | None:
    """Return the web process as a part of the worker at `listen`."""
    if web is None:
        return None
    if identity:
        raise StartError("--web cannot be combined with TLS: run `gymlocker web` beside it.")
    from server.programs.web.main import serving_web

    return serving_web(web, (listen,), metrics)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` on uvloop if it is installed, and on asyncio's own event loop if not."""
    try:
        import uvloop
    except ModuleNotFoundError:
        asyncio.run(work)
    else:
        uvloop.run(work)
