"""The acknowledged state of each event, and how a copy differs from it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

# A user and an event.
Key: TypeAlias = tuple[str, str]
PUBLISHED, REPLACED, DELETED = "published", "replaced", "deleted"

# The payload, or None if there is no such event.
State: TypeAlias = bytes | None


class Difference(NamedTuple):
    """An event that a copy lacks (`lost`), has in an older state, or has though it was deleted."""

    kind: str
    key: Key


@dataclass
class Record:
    """The writes of all writers.

    A write that was not acknowledged may have been done, now or later. So its event is not written
    again, and both states are possible.
    """

    states: dict[Key, State] = field(default_factory=dict)
    uncertain: dict[Key, tuple[State, State]] = field(default_factory=dict)
    acknowledged: Counter[str] = field(default_factory=Counter)

    @property
    def writes(self) -> int:
        return self.acknowledged.total()

    def has_events(self, number: int) -> bool:
        """Check whether so many were published or replaced."""
        return self.writes - self.acknowledged[DELETED] >= number

    @property
    def expected(self) -> dict[Key, bytes]:
        """Return the events that there must be, once nothing is uncertain."""
        assert not self.uncertain
        return {key: state for key, state in self.states.items() if state is not None}

    def acknowledge(self, kind: str, key: Key, state: State) -> None:
        """Record a write that the server acknowledged."""
        self.acknowledged[kind] += 1
        self.states[key] = state

    def doubt(self, key: Key, state: State) -> None:
        """Record a write that may have been done."""
        self.uncertain[key] = self.states.pop(key, None), state

    def settle(self, stored: Mapping[Key, bytes]) -> None:
        """Take the stored state of uncertain events, if it is a possible one."""
        for key, states in self.uncertain.items():
            state = stored.get(key)
            self.states[key] = state if state in states else states[0]
        self.uncertain.clear()

    def differences(self, copy: Mapping[Key, bytes], users: AbstractSet[str]) -> list[Difference]:
        """Compare a copy of the events of users with what was acknowledged."""
        expected = {key: state for key, state in self.expected.items() if key[0] in users}
        return sorted(_differences(expected, copy))


def _differences(expected: Mapping[Key, bytes], copy: Mapping[Key, bytes]) -> Iterator[Difference]:
    for key in expected.keys() | copy.keys():
        if key not in copy:
            yield Difference("lost", key)
        elif key not in expected:
            yield Difference("not deleted", key)
        elif copy[key] != expected[key]:
            yield Difference("old", key)
