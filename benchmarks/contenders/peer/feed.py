"""Check of follow secrets in Python, for layers whose SQL does not check them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from benchmarks.contenders.peer.messages import Event, Events, FollowedUser


class FeedRequest:
    """The followed users with a valid secret, and the invalid secrets."""

    def __init__(self, users: Sequence[FollowedUser], secrets: set[tuple[UUID, str]]) -> None:
        valid = [user for user in users if (user.user_id, user.follow_secret) in secrets]
        # A user who is listed twice is read once, from the earlier time.
        self.since = {
            user.user_id: user.since
            for user in sorted(valid, key=lambda user: user.since, reverse=True)
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
        """The readable users and the times to read from, as two array parameters."""
        return {"ids": list(self.since), "times": list(self.since.values())}

    def response(self, events: list[Event]) -> Events:
        """Return the response with these events."""
        return Events(events=events, invalid_follow_secrets=self.invalid)
