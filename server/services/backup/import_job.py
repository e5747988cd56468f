"""Background import of the backups of people who want that."""

import asyncio

import structlog
from gymlocker.v2 import workout_pb2

from server.errors import GymlockerError, InvalidArgument, NotFound
from server.services.backup.diary import Diary
from server.services.backup.due_imports import MAX_TRIES, DueImport, DueImportRepository

INTERVAL_SECONDS = 30
# The importer takes turns between networks. All jobs together count as one.
_NETWORK = "backups"

_log = structlog.get_logger("backup")


class ImportJob:
    """Imports due backups one after the other, as importing the file would."""

    def __init__(self, imports: DueImportRepository, diary: Diary) -> None:
        self._imports = imports
        self._diary = diary
        # Set when there may be something to import.
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Import all due backups."""
        while due := await self._imports.claim():
            await self._run(due)

    async def _run(self, due: DueImport) -> None:
        options = workout_pb2.ImportWorkoutsRequest(on_change="update")
        try:
            done = await self._diary.import_backup(due.user_id, _NETWORK, due.backup, options)
        except GymlockerError as error:
            _log.warning("import_failed", reason=error.reason, tries=due.tries)
            # The user, or the file, will not be better the next time.
            if isinstance(error, InvalidArgument | NotFound) or due.tries >= MAX_TRIES:
                await self._imports.give_up(due, error.reason)
            else:
                await self._imports.postpone(due, error.reason)
        except Exception as error:
            _log.error("import_failed", error=type(error).__name__, tries=due.tries)
            await self._imports.postpone(due, type(error).__name__)
        else:
            _log.info("imported", added=done.added, updated=done.updated)
            await self._imports.end(due)
