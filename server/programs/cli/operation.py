"""Commands for the operator of a server: `gymlocker config`, `doctor` and `health`."""

import asyncio
import logging
import sys
from typing import Annotated

import typer

from server.errors import StartError
from server.programs.cli.options import (
    WORKER_TLS,
    HealthAddress,
    OverHttp,
    OverTls,
    WorkerTlsCa,
    WorkerTlsCert,
    WorkerTlsKey,
)

operation = typer.Typer()


@operation.command()
def health(
    address: HealthAddress = "127.0.0.1:8080",
    http: OverHttp = False,
    tls: OverTls = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for a response.")] = 3,
    worker_tls_cert: WorkerTlsCert = None,
    worker_tls_key: WorkerTlsKey = None,
    worker_tls_ca: WorkerTlsCa = None,
) -> None:
    """Check whether a worker or the gateway is serving, for container health checks.

    Exits with code 0 if it is, even while the database is down; otherwise prints the reason and
    exits with code 1. With --http, a gateway must also be able to write to its database.

    Example: gymlocker health --address 127.0.0.1:9090
    """
    from server.libraries.network.tls import identity_of
    from server.programs.diagnostics.health import check, check_http, check_tls

    identity = identity_of(worker_tls_cert, worker_tls_key, worker_tls_ca, WORKER_TLS, [address])
    if identity and (tls or http):
        raise StartError(
            f"{WORKER_TLS} cannot be combined with --tls or --http: the former are for a worker, "
            "the latter for the gateway."
        )
    if http:
        asyncio.run(check_http(address, timeout, tls=tls))
    elif tls:
        asyncio.run(check_tls(address, timeout))
    else:
        asyncio.run(check(address, timeout, identity))


@operation.command("config")
def show_config() -> None:
    """Show the settings in force and the source of each. Secrets are not shown.

    If a setting is invalid, prints the reason and exits with code 1.
    """
    from server.programs.diagnostics import configuration

    for setting in configuration.effective_settings():
        line = f"{setting.name}={setting.value or ''}"
        print(f"{line:<60} # {setting.source}")
    warn_of_misspelt_settings()
    configuration.require_usable()


@operation.command()
def doctor(
    url: Annotated[
        str | None,
        typer.Option(help="URL of a running server to check, such as http://127.0.0.1:8080."),
    ] = None,
) -> None:
    """Check everything that a server needs, and advise how to fix what is wrong.

    Checks settings, databases and their migrations, clocks, hints between workers, keys, Envoy, the
    language model and the app stores. Exits with code 1 if something does not work.

    Example: gymlocker doctor --url http://127.0.0.1:8080
    """
    import structlog

    from server.libraries.network.trusted_certificates import trusted_file
    from server.programs.diagnostics.doctor import examine
    from server.programs.diagnostics.report import report

    trusted_file()
    # Findings are printed as sentences, and events would mix with them.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if not asyncio.run(report(examine(url))):
        sys.exit(1)


def warn_of_misspelt_settings() -> None:
    """Print the variables that look like settings but are not."""
    from server.programs.diagnostics.configuration import unknown_variables

    for variable in unknown_variables():
        print(variable, file=sys.stderr)
