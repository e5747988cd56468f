"""The commands of who runs a server: `gymlocker health`, `config` and `doctor`."""

import asyncio
import sys
from typing import Annotated

import typer

from server.errors import StartError
from server.programs.cli.options import (
    WORKER_TLS,
    Asked,
    ByHttp,
    ByTls,
    WorkerTlsCa,
    WorkerTlsCert,
    WorkerTlsKey,
)

operation = typer.Typer()


@operation.command()
def health(
    address: Asked = "127.0.0.1:8080",
    http: ByHttp = False,
    tls: ByTls = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 3,
    worker_tls_cert: WorkerTlsCert = None,
    worker_tls_key: WorkerTlsKey = None,
    worker_tls_ca: WorkerTlsCa = None,
) -> None:
    """Ask a worker, or the front door, whether it serves: for the health checks of containers.

    Ends with code 0 if it does, also while the database is down; else with code 1, and says why.
    With --http, a front door has to be able to write to its database, too.

    Try it: gymlocker health --address 127.0.0.1:9090
    """
    from server.libraries.network.tls import identity_of
    from server.programs.diagnostics.health import check, check_http, check_tls

    identity = identity_of(worker_tls_cert, worker_tls_key, worker_tls_ca, WORKER_TLS, [address])
    if identity and (tls or http):
        raise StartError(f"{WORKER_TLS} are for a worker, --tls and --http for the front door.")
    if http:
        asyncio.run(check_http(address, timeout, tls=tls))
    elif tls:
        asyncio.run(check_tls(address, timeout))
    else:
        asyncio.run(check(address, timeout, identity))


@operation.command("config")
def show_config() -> None:
    """Show the settings that are in force, and where each comes from. Secrets are not shown.

    Ends with code 1, and says what is wrong, if they cannot be used.
    """
    from server.programs.diagnostics import configuration

    for setting in configuration.in_force():
        line = f"{setting.name}={setting.value or ''}"
        print(f"{line:<60} # {setting.source}")
    name_misspelt()
    configuration.require_usable()


@operation.command()
def doctor(
    url: Annotated[
        str | None, typer.Option(help="A running server to look at, as http://127.0.0.1:8080.")
    ] = None,
) -> None:
    """Look at everything that a server needs, and say what to do about what is wrong.

    Settings, databases and their migrations, clocks, keys, Envoy, the language model, the stores.
    Ends with code 1 if something does not work.

    Try it: gymlocker doctor --url http://127.0.0.1:8080
    """
    from server.libraries.network.trusted_certificates import trusted_file
    from server.programs.diagnostics.doctor import examine
    from server.programs.diagnostics.report import report

    trusted_file()
    if not asyncio.run(report(examine(url))):
        sys.exit(1)


def name_misspelt() -> None:
    """Says which variables look like settings and are none."""
    from server.programs.diagnostics.configuration import misspelt

    for one in misspelt():
        print(one, file=sys.stderr)
