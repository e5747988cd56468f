"""A follower that keeps a copy of the events of users, by cursors."""

from dataclasses import dataclass, field

from gymlocker.v2 import event_pb2

from tests.support.client import Client


@dataclass
class Follower:
    """Events by user and id, and the cursors to go on from. `secrets` are by user."""

    secrets: dict[str, str]
    events: dict[tuple[str, str], bytes] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)
    resets: int = 0

    async def poll(self, client: Client) -> event_pb2.GetEventsResponse:
        """Read what is new and apply it; return the response."""
        entries = [
            event_pb2.FollowedUser(
                user_id=user, follow_secret=secret, cursor=self.cursors.get(user, "")
            )
            for user, secret in self.secrets.items()
        ]
        response = await client.feed(*entries)
        self.apply(response)
        return response

    def apply(self, response: event_pb2.GetEventsResponse) -> None:
        """Apply a response in the documented order."""
        for user in response.resets:
            self.resets += 1
            self.events = {key: value for key, value in self.events.items() if key[0] != user}
        for event in response.events:
            self.events[event.user_id, event.event_id] = event.encrypted_event_payload
        for one in response.deleted:
            self.events.pop((one.user_id, one.event_id), None)
        self.cursors |= response.cursors

    def payloads(self) -> list[bytes]:
        """Return the payloads of the copy, sorted."""
        return sorted(self.events.values())
