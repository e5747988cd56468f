"""The events of one live demo: Ada publishes them, and Ben's copy must become the same."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

from server.programs.demo import samples
from server.programs.demo.live.board import Board
from server.programs.demo.live.follower import Follower
from server.programs.demo.person import Person, new_event_id
from server.programs.demo.screen import preview

# A server that restarts needs some of it.
ARRIVAL_TIMEOUT = 60.0
HELP = (
    'Type a workout; "undo" deletes the last one, "cut" cuts Ben\'s connection, '
    "Ctrl-D or Ctrl-C ends."
)


class Session:
    """Ada's side, and the comparison with Ben's.

    `pause` is the time for a person to read between scripted steps, in seconds.
    """

    def __init__(self, board: Board, ada: Person, view: "FollowerView", *, pause: float) -> None:
        self._board = board
        self._ada = ada
        self._view = view
        self._pause = pause
        self._published: dict[str, bytes] = {}

    def __len__(self) -> int:
        """Return the number of Ada's workouts."""
        return len(self._published)

    async def run_script(self, follower: Follower) -> None:
        """Publish, replace and delete workouts; during some of it, Ben has no connection."""
        ids = []
        for text in samples.first_workouts():
            ids.append(await self._publish(text))
            await self.until_same(follower)
            await self._let_read()
        await self._publish(samples.corrected_workout(), ids[0])
        await self.until_same(follower)
        await self._let_read()
        follower.go_offline()
        await self._until(lambda: not self._view.is_connected)
        await self._publish(samples.late_workout())
        await self._delete(ids[1])
        await self._let_read()
        follower.go_online()
        await self.until_same(follower)

    async def publish_typed(self, lines: AsyncIterator[str], follower: Follower) -> None:
        """Publish each line as a workout, or obey it."""
        self._board.note(HELP)
        async for line in lines:
            match line.strip():
                case "undo" if self._published:
                    await self._delete(next(reversed(self._published)))
                case "cut":
                    follower.go_offline()
                    await self._until(lambda: not self._view.is_connected)
                    follower.go_online()
                case "" | "undo":
                    pass
                case name:
                    await self._publish(json.dumps({"name": name}, ensure_ascii=False).encode())

    async def until_same(self, follower: Follower) -> None:
        """Wait until Ben has exactly what Ada has. Raise TimeoutError."""
        await self._until(lambda: self._view.is_connected and follower.events == self._published)

    async def _publish(self, text: bytes, event_id: str = "") -> str:
        """Publish a workout, or replace the one with `event_id`. Return its id."""
        event_id = event_id or new_event_id()
        self._view.expect(event_id, text)
        self._published[event_id] = text
        request = await self._ada.publish(event_id, text)
        stored = preview(request.encrypted_event_payload)
        self._board.ada(f"{samples.name_of(text)}  → {stored}")
        return event_id

    async def _delete(self, event_id: str) -> None:
        text = self._published.pop(event_id)
        self._view.expect(event_id, text)
        await self._ada.retract(event_id)
        self._board.ada(f"deleted {samples.name_of(text)}")

    async def _let_read(self) -> None:
        await asyncio.sleep(self._pause)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(ARRIVAL_TIMEOUT):
            while not is_so():
                await self._view.next_change()


class FollowerView:
    """Ben's side of the board, with the time that each change needed."""

    def __init__(self, board: Board) -> None:
        self.is_connected = False
        self._board = board
        self._expected: dict[str, tuple[float, str]] = {}
        self._changed = asyncio.Event()

    def expect(self, event_id: str, text: bytes) -> None:
        """Measure the time from now until the next change of an event."""
        self._expected[event_id] = (time.monotonic(), samples.name_of(text))

    async def next_change(self) -> None:
        """Wait for the next change."""
        self._changed.clear()
        await self._changed.wait()

    def connected(self, cursor: str) -> None:
        """Show that the stream has begun, or continues."""
        self.is_connected = True
        how = f"reconnected at the last cursor ({cursor[:8]}…)" if cursor else "connected"
        self._show(how, "green")

    def disconnected(self, reason: str) -> None:
        """Show that the stream broke. Further attempts that fail show nothing."""
        if self.is_connected:
            self.is_connected = False
            self._show(f"disconnected: {reason}", "red")

    def received(self, event_id: str, text: bytes) -> None:
        """Show a decrypted workout, and the time since it was sent."""
        self._show(f"{self._age(event_id)}{samples.name_of(text)}")

    def deleted(self, event_id: str) -> None:
        """Show a deletion, and the time since it was sent."""
        _, name = self._expected.get(event_id, (0, "a workout"))
        self._show(f"{self._age(event_id)}{name} is deleted")

    def reset(self) -> None:
        """Show that the copy begins again."""
        self._show("reset: everything comes again", "yellow")

    def _age(self, event_id: str) -> str:
        if event_id not in self._expected:
            return ""
        return f"{(time.monotonic() - self._expected[event_id][0]) * 1000:5,.0f} ms  "

    def _show(self, text: str, style: str = "") -> None:
        self._board.ben(text, style)
        self._changed.set()
