"""The databases of a worker."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from server.libraries.database.pool import Database
from server.libraries.database.schema_version import require_current_schema
from server.libraries.rpc.context import calling_network
from server.libraries.settings import Settings
from server.libraries.telemetry.worker_metrics import WorkerMetrics

MAIN, RATE_LIMITS = "main", "rate_limits"


@dataclass(frozen=True)
class Databases:
    """The main database and that of the rate limits, which may be the same."""

    main: Database
    rate_limits: Database

    def by_name(self) -> dict[str, Database]:
        """Return each database once."""
        both = {MAIN: self.main, RATE_LIMITS: self.rate_limits}
        return {MAIN: self.main} if self.main is self.rate_limits else both


async def open_databases(
    settings: Settings, metrics: WorkerMetrics, resources: AsyncExitStack, *, timed: bool
) -> Databases:
    """Open the databases; `timed` measures the wait for a connection.

    Raises StartError if a schema belongs to another release.
    """
    urls = {MAIN: settings.database_url}
    if settings.rate_limit_database_url not in (None, settings.database_url):
        urls[RATE_LIMITS] = settings.rate_limit_database_url
    opened = {
        name: await resources.enter_async_context(
            Database(
                url,
                pool_size=settings.database_pool_size,
                caller=calling_network,
                waited=metrics.database_wait_seconds.labels(name).observe
                if timed
                else lambda _: None,
            )
        )
        for name, url in urls.items()
    }
    metrics.observe_databases(opened)
    databases = Databases(opened[MAIN], opened.get(RATE_LIMITS, opened[MAIN]))
    await require_current_schema(databases.main)
    await require_current_schema(databases.rate_limits, RATE_LIMITS)
    return databases
