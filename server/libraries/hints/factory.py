"""The choice of a way for hints."""

from collections.abc import Sequence

from server.libraries.database.pool import Database
from server.libraries.hints.transport import HintTransport


def make_transport(
    database: Database, url: str | None, nats_urls: Sequence[str] = ()
) -> HintTransport:
    """Return NATS if there are servers, else LISTEN and NOTIFY of the database at `url`.

    Without a `url`, hints can only be sent.
    """
    if nats_urls:
        # Imported only if it is used.
        from server.libraries.hints.nats import NatsTransport

        return NatsTransport(nats_urls, database)

    from server.libraries.hints.postgres import PostgresTransport

    return PostgresTransport(database, url)
