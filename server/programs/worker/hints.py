"""The hints of a worker."""

from contextlib import AsyncExitStack

from server.libraries.database.pool import Database
from server.libraries.hints.factory import make_transport
from server.libraries.hints.hints import Hints
from server.libraries.settings import WorkerSettings


def build_hints(settings: WorkerSettings, database: Database, resources: AsyncExitStack) -> Hints:
    """Build the hints; `resources` sends the last ones. Its jobs are among the background jobs."""
    transport = make_transport(database, settings.worker.database_url, settings.hints.nats_urls)
    hints = Hints(transport)
    resources.push_async_callback(hints.close)
    return hints
