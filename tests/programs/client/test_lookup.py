"""Finding workouts by the beginning of their ids."""

from unittest.mock import Mock
from uuid import UUID

import pytest
from gymlocker.v2.workout_pb2 import Workout

from server.errors import StartError
from server.programs.client import lookup
from server.programs.client.connection import Connection
from server.programs.client.diary import Selection

FIRST = Workout(id=str(UUID("aaaa1111" + "0" * 24)), date="2026-02-07", type="\x1b[2JPush")
SECOND = Workout(id=str(UUID("aaaa2222" + "0" * 24)), date="2026-02-08", type="Pull")
CONNECTION = Mock(spec=Connection)


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the calls by a log of two workouts."""

    async def list_newest(
        connection: Connection, selection: Selection, limit: int
    ) -> tuple[list[Workout], bool]:
        return [FIRST, SECOND], False

    async def get(connection: Connection, id_: str) -> Workout:
        return {each.id: each for each in (FIRST, SECOND)}[id_]

    monkeypatch.setattr(lookup, "list_newest", list_newest)
    monkeypatch.setattr(lookup, "get", get)


class TestFind:
    async def test_accepts_ids_and_their_beginnings(self) -> None:
        for typed in (
            "aaaa1",
            "AAAA1111",
            f" {FIRST.id}",
            FIRST.id[:20],
            FIRST.id.replace("-", ""),
        ):
            assert await lookup.find(CONNECTION, [typed]) == [FIRST]

    async def test_finds_each_once(self) -> None:
        found = await lookup.find(CONNECTION, ["aaaa2", FIRST.id, SECOND.id])
        assert found == [SECOND, FIRST]

    async def test_lists_candidates_if_ambiguous(self) -> None:
        with pytest.raises(StartError) as raised:
            await lookup.find(CONNECTION, ["aaaa1", "aaaa"])
        assert str(raised.value).splitlines() == [
            "The ids of 2 workouts begin with aaaa: pass more of it.",
            f"  {FIRST.id}  2026-02-07  [2JPush",
            f"  {SECOND.id}  2026-02-08  Pull",
        ]

    async def test_reports_unknown_beginning(self) -> None:
        with pytest.raises(StartError, match=r"You have no workout with the id bbbb: "):
            await lookup.find(CONNECTION, ["bbbb"])

    @pytest.mark.parametrize("typed", ["", "aaa", "push", "a" * 33, "\x1b[2J"])
    async def test_rejects_other_texts(self, typed: str) -> None:
        with pytest.raises(StartError, match="pass at least its first 4 characters") as raised:
            await lookup.find(CONNECTION, [typed])
        assert "\x1b" not in str(raised.value)
