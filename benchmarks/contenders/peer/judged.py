"""Which of those that are followed may be read, where a statement has not told it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from benchmarks.contenders.peer.messages import Event, Events, FollowedUser


class Judged:
    """Those who are followed with a secret that is theirs, and the secrets that are nobody's."""

    def __init__(self, users: Sequence[FollowedUser], secrets: set[tuple[UUID, str]]) -> None:
        right = [user for user in users if (user.user_id, user.follow_secret) in secrets]
        # Somebody who is asked for twice is read once, from the earlier time on.
        self.since = {
            user.user_id: user.since
            for user in sorted(right, key=lambda user: user.since, reverse=True)
        }
        self.invalid = list(
            dict.fromkeys(
                user.follow_secret
                for user in users
                if (user.user_id, user.follow_secret) not in secrets
            )
        )

    @property
    def parameters(self) -> dict[str, list[Any]]:
        """Those who may be read, and from when on: two arrays for a statement."""
        return {"ids": list(self.since), "times": list(self.since.values())}

    def answered(self, events: list[Event]) -> Events:
        """The reply with these events."""
        return Events(events=events, invalid_follow_secrets=self.invalid)
