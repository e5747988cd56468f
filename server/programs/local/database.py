"""The embedded database for a command: of the running stack, or started for the time of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from server.errors import StartError
from server.libraries.process.supervisor import Supervisor
from server.programs.local.data_directory import FolderInUse, locked
from server.programs.local.postgres import EmbeddedPostgres, url_of


@asynccontextmanager
async def embedded_database(data_dir: Path, report: Callable[[str], None]) -> AsyncIterator[str]:
    """Yield the URL of the embedded database in a data folder, which is created if needed.

    Raises StartError.
    """
    with ExitStack() as undo:
        try:
            undo.enter_context(locked(data_dir))
        except FolderInUse:
            yield _url_of_running(data_dir)
            return
        async with _started(data_dir, report) as url:
            yield url


def _url_of_running(folder: Path) -> str:
    sockets = folder / "postgres" / "run"
    if not sockets.exists():
        raise StartError(
            f"Gymlocker is starting on {folder}, or runs there on another database: try again in a "
            "moment, or set DATABASE_URL as for `gymlocker up`."
        )
    return url_of(sockets.resolve())


@asynccontextmanager
async def _started(folder: Path, report: Callable[[str], None]) -> AsyncIterator[str]:
    logs = folder / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    supervisor = Supervisor(report)
    postgres = EmbeddedPostgres(folder / "postgres", log=logs / "postgres.log", report=report)
    with postgres:
        try:
            await postgres.prepare()
            await supervisor.start(postgres.process())
            yield postgres.url()
        finally:
            await supervisor.stop()
