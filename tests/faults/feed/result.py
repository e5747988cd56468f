"""The end of a run, and its figures."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.feed.crowd import Crowd
from tests.faults.feed.disturbances import Disturbances
from tests.faults.feed.record import Difference


@dataclass(frozen=True)
class Result:
    """Differences are those to what was acknowledged."""

    crowd: Crowd
    disturbances: Disturbances
    lost_hints: int
    of_database: Sequence[Difference]
    of_readers: Sequence[Sequence[Difference]]
    of_clock: Sequence[Difference]
    of_trusting: Sequence[Difference]

    @property
    def problems(self) -> list[str]:
        """Return what must not happen to readers and writers, beside a difference."""
        writers, readers = self.crowd.writers, self.crowd.readers
        refused = sum(len(one.refused) for one in self.crowd.watchers)
        resets = sum(one.resets for one in readers)
        return [
            *map(str, writers.unexpected),
            *([f"{refused} secrets were refused"] if refused else []),
            # The database was never replaced.
            *([f"{resets} resets"] if resets else []),
        ]

    @property
    def is_exact(self) -> bool:
        """Check whether the database and all readers have what was acknowledged."""
        return not (self.problems or self.of_database or any(self.of_readers))

    def figures(self) -> Iterator[str]:
        """Yield lines for people."""
        crowd, record = self.crowd, self.crowd.writers.record
        watchers, pollers = crowd.watchers, crowd.pollers
        yield f"acknowledged: {_counts(record.acknowledged)}"
        yield f"events at the end: {len(record.expected):,}"
        yield f"not acknowledged: {_counts(crowd.writers.failures)}"
        yield f"disturbances: {_counts(self.disturbances.done)}"
        yield f"hints lost: {self.lost_hints:,}"
        ends = sum((one.ends for one in watchers), Counter[str]())
        yield (
            f"{len(watchers)} watchers: {sum(one.streams for one in watchers):,} streams, "
            f"ended by {_counts(ends)}"
        )
        failed = sum((one.ends for one in pollers), Counter[str]())
        yield (
            f"{len(pollers)} pollers: {sum(one.polls for one in pollers):,} polls, "
            f"failed by {_counts(failed)}"
        )
        yield f"differences of the database: {_kinds(self.of_database)}"
        yield f"differences of the readers: {', '.join(map(_kinds, self.of_readers))}"
        yield f"differences of the control that reads by the clock: {_kinds(self.of_clock)}"
        yield f"differences of the control that trusts hints: {_kinds(self.of_trusting)}"
        yield from (f"problem: {problem}" for problem in self.problems)


def _kinds(differences: Sequence[Difference]) -> str:
    return _counts(Counter(one.kind for one in differences))


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counter.most_common()) or "0"
