"""A device that keeps a copy of a training log."""

from dataclasses import dataclass, field

from gymlocker.v2 import workout_pb2

from tests.services.workout.diary import Diary, Workout

Response = workout_pb2.ListWorkoutChangesResponse


@dataclass
class Device:
    """A client that keeps a copy of the training log."""

    diary: Diary
    page_size: int = 0
    cursor: str = ""
    copy: dict[str, Workout] = field(default_factory=dict)

    async def read(self) -> Response:
        """Read and apply a page of changes."""
        page = await self.diary.changes(self.cursor, self.page_size)
        for change in page.changes:
            if change.HasField("workout"):
                self.copy[change.workout.id] = change.workout
            else:
                self.copy.pop(change.deleted_id, None)
        self.cursor = page.next_cursor
        return page

    async def synchronize(self) -> list[Response]:
        """Read all pages."""
        pages = [await self.read()]
        while pages[-1].more:
            pages.append(await self.read())
        return pages

    async def is_exact(self) -> bool:
        """Check whether the copy equals the training log."""
        stored = await self.diary.all(view="full")
        return self.copy == {workout.id: workout for workout in stored}
