"""The command `gymlocker migrate`: schema, takeover, and the way in from SQLite."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from server.libraries.database.sqlite.liftlog import LiftLogFile

migration = typer.Typer()
DATA_DIR = Path(".gymlocker")


@migration.command()
def migrate(
    from_sqlite: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Then bring in everything of LiftLog's SQLite database FILE."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of `gymlocker up`, whose embedded database is used unless DATABASE_URL is "
            "set.",
            show_default=f"{DATA_DIR}, with --from-sqlite",
        ),
    ] = None,
) -> None:
    """Bring the database at DATABASE_URL up to date.

    An empty database gets the schema; the database of a running LiftLog server is adopted as it is.
    Running it again, or twice at the same time, changes nothing.

    With --from-sqlite, either everything in the file is brought in or nothing. Users who are in the
    database already are left as they are.

    Example: gymlocker migrate --from-sqlite liftlog.db
    """
    if from_sqlite is None:
        asyncio.run(_migrate(None, data_dir))
        return
    from server.libraries.database.sqlite.liftlog import opened_liftlog

    with opened_liftlog(from_sqlite) as source:
        # Before anything is changed.
        source.check(print)
        asyncio.run(_migrate(source, data_dir or DATA_DIR))


async def _migrate(source: "LiftLogFile | None", data_dir: Path | None) -> None:
    from server.libraries.database.migrations import migrate as run_migrations
    from server.libraries.settings import Settings, load

    async with _database(data_dir) as given:
        settings = load(Settings, **given)
        await run_migrations(settings.database_url, settings.rate_limit_database_url, print)
        if source is not None:
            from server.libraries.database.sqlite.transfer import transfer

            transferred = await transfer(source, settings.database_url, print)
            for sentence in transferred.sentences():
                print(sentence)


@asynccontextmanager
async def _database(data_dir: Path | None) -> AsyncIterator[dict[str, str]]:
    """Yield the URL of the embedded database as a setting; nothing if DATABASE_URL is used."""
    from server.libraries.settings import LocalSettings, load

    if data_dir is None or load(LocalSettings).database_url is not None:
        yield {}
        return
    from server.programs.administration.database_in_use import database_in_use

    async with database_in_use(data_dir, "gymlocker migrate", create=True) as found:
        yield {"database_url": found.url}
