"""Hints of the commands to running workers."""

import sys
from uuid import UUID

from server.errors import StartError
from server.libraries.database.pool import Database
from server.libraries.hints.factory import make_transport
from server.libraries.hints.hint import Topic
from server.libraries.hints.hints import Hints
from server.libraries.settings import HintSettings, load


async def publish_access(database: Database, user_id: UUID) -> None:
    """Tell running workers that a user's access changed; call it after the commit.

    Print a warning if that fails: workers look again every few seconds anyway.
    """
    try:
        hints = Hints(make_transport(database, None, load(HintSettings).nats_urls))
    except StartError as error:
        _warn(str(error))
        return
    hints.publish(Topic.ACCESS, user_id)
    await hints.close()
    if hints.dropped:
        _warn("Check NATS_URL and its servers, or the database.")


def _warn(advice: str) -> None:
    text = "It is done, but running workers could not be told. They notice within seconds."
    print(f"Warning: {text} {advice}", file=sys.stderr)
