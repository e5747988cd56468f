"""The live feed while processes are killed, commits come out of order and hints are lost.

    python -m tests.faults.feed

is a run of 100,000 events.
"""

import pytest

from tests.faults.feed.record import DELETED, PUBLISHED, REPLACED, Difference, Key, Record
from tests.faults.feed.run import run

EVENTS, DISTURBANCES = 1500, 5


@pytest.mark.extended
@pytest.mark.timeout(300)
class TestLiveFeed:
    async def test_readers_end_with_exactly_what_was_acknowledged(self) -> None:
        result = await run(events=EVENTS, disturbances=DISTURBANCES, seed=1)
        figures = "\n".join(result.figures())
        assert result.is_exact, figures
        assert result.crowd.writers.record.acknowledged.keys() == {PUBLISHED, REPLACED, DELETED}
        assert result.disturbances.done.total() == DISTURBANCES
        assert result.lost_hints, figures
        # The same comparison finds what two wrong readers lose: one that asks for what is newer
        # than its last read, and one that waits for hints and never looks for itself.
        assert "lost" in {one.kind for one in result.of_clock}, figures
        assert "lost" in {one.kind for one in result.of_trusting}, figures


FIRST, SECOND = ("ada", "1"), ("ada", "2")


class TestRecord:
    @pytest.fixture
    def record(self) -> Record:
        record = Record()
        record.acknowledge(PUBLISHED, FIRST, b"new")
        record.acknowledge(PUBLISHED, SECOND, b"gone")
        record.acknowledge(DELETED, SECOND, None)
        return record

    @pytest.mark.parametrize(
        ("copy", "differences"),
        [
            pytest.param({FIRST: b"new"}, [], id="exact"),
            pytest.param({}, [("lost", FIRST)], id="lost"),
            pytest.param({FIRST: b"before"}, [("old", FIRST)], id="old"),
            pytest.param(
                {FIRST: b"new", SECOND: b"gone"}, [("not deleted", SECOND)], id="not_deleted"
            ),
        ],
    )
    def test_finds_each_difference(
        self, record: Record, copy: dict[Key, bytes], differences: list[tuple[str, Key]]
    ) -> None:
        assert record.differences(copy, {"ada"}) == [Difference(*one) for one in differences]

    def test_ignores_other_users(self, record: Record) -> None:
        assert record.differences({}, {"grace"}) == []

    @pytest.mark.parametrize("stored", [b"new", b"newer"])
    def test_takes_either_state_of_an_unacknowledged_write(
        self, record: Record, stored: bytes
    ) -> None:
        record.doubt(FIRST, b"newer")
        record.settle({FIRST: stored})
        assert record.differences({FIRST: stored}, {"ada"}) == []

    def test_finds_a_lost_event_beside_an_unacknowledged_write(self, record: Record) -> None:
        record.doubt(FIRST, b"newer")
        record.settle({})
        assert record.differences({}, {"ada"}) == [Difference("lost", FIRST)]
