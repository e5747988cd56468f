"""Watch users' events: keep a copy of them in a file, and continue after each break.

    python watch.py 127.0.0.1:8080 copy.json USER_ID FOLLOW_SECRET [USER_ID FOLLOW_SECRET ...]

Each change prints one line. The copy is exactly what is on the server, however often the connection
or this program breaks, because each cursor is stored together with what came before it, and because
users without a cursor begin without events.
"""

import asyncio
import base64
import json
import random
import sys
from pathlib import Path

import grpc
from gymlocker.v2 import event_pb2
from gymlocker.v2.event_pb2_grpc import EventServiceStub

# The server sends a heartbeat every 15 seconds. Without one, the connection is dead.
SILENCE_SECONDS = 40
MAX_DELAY_SECONDS = 30
# After these reasons a client calls again. Others are final, such as NOTHING_TO_WATCH.
CALL_AGAIN = ("SERVER_STOPPING", "STREAM_EXPIRED", "SLOW_READER")
# A repeated call would get these again. All others pass.
FINAL = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNIMPLEMENTED,
)


class Copy:
    """The encrypted events of followed users, and the cursor of each user, in a file.

    `followed` are pairs of a user id and a follow secret. While a user changes the secret, there
    are two pairs of them.
    """

    def __init__(self, path: Path, followed: list[tuple[str, str]]) -> None:
        self._path = path
        self.followed = followed
        content = json.loads(path.read_text()) if path.exists() else {}
        self.cursors: dict[str, str] = content.get("cursors", {})
        self.events: dict[str, dict[str, list[str]]] = content.get("events", {})

    def request(self) -> event_pb2.WatchEventsRequest:
        """Return the request that continues where the cursors are."""
        # Deletions are only sent after a cursor. Without one, an event from a stream that broke
        # may be gone, so that all events must come again.
        self.events = {user: self.events[user] for user in self.events if user in self.cursors}
        users = [
            event_pb2.FollowedUser(
                user_id=user_id, follow_secret=secret, cursor=self.cursors.get(user_id, "")
            )
            for user_id, secret in self.followed
        ]
        return event_pb2.WatchEventsRequest(users=users)

    def apply(self, message: event_pb2.WatchEventsResponse) -> None:
        """Apply a message, and print it. All messages must be applied, in their order."""
        match message.WhichOneof("message"):
            case "event":
                event = message.event
                sealed = (event.encrypted_event_payload, event.encrypted_event_iv)
                encoded = [base64.b64encode(part).decode() for part in sealed]
                self.events.setdefault(event.user_id, {})[event.event_id] = encoded
                print(f"event {event.event_id}: {len(sealed[0])} encrypted bytes")
            case "deleted":
                deleted = message.deleted
                self.events.get(deleted.user_id, {}).pop(deleted.event_id, None)
                print(f"deleted {deleted.event_id}")
            case "reset":
                # The database was restored, or the cursor is too old. Everything comes again.
                self._drop(message.reset.user_id)
                print(f"reset {message.reset.user_id}")
            case "cursor":
                self.cursors[message.cursor.user_id] = message.cursor.cursor
                self._save()
            case "invalid_follow_secret":
                # The user revoked it, or is gone.
                invalid = message.invalid_follow_secret
                entry = (invalid.user_id, invalid.follow_secret)
                self.followed = [one for one in self.followed if one != entry]
                if all(user_id != invalid.user_id for user_id, _ in self.followed):
                    self._drop(invalid.user_id)
                    self._save()
                print(f"invalid secret of {invalid.user_id}")
            case "caught_up":
                print("caught up")

    def _drop(self, user_id: str) -> None:
        self.events.pop(user_id, None)
        self.cursors.pop(user_id, None)

    def _save(self) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"cursors": self.cursors, "events": self.events}))
        new.replace(self._path)


async def watch(channel: grpc.aio.Channel, copy: Copy) -> str:
    """Watch the followed users until the server ends it, and return its reason."""
    failures = 0
    while copy.followed:
        try:
            async with asyncio.timeout(SILENCE_SECONDS) as silence:
                reason = "the connection was closed"
                async for message in EventServiceStub(channel).WatchEvents(copy.request()):
                    silence.reschedule(asyncio.get_running_loop().time() + SILENCE_SECONDS)
                    failures = 0
                    copy.apply(message)
                    if message.HasField("ended"):
                        reason = message.ended.reason
                        if reason not in CALL_AGAIN:
                            return reason
        except TimeoutError:
            reason = "no heartbeat"
        except grpc.aio.AioRpcError as error:
            if error.code() in FINAL:
                raise
            reason = f"{error.code().name}: {error.details()}"
        print(f"reconnecting: {reason}", file=sys.stderr)
        # Jitter keeps all clients of a restarted server from coming back at once.
        delay = min(0.5 * 2**failures, MAX_DELAY_SECONDS)
        await asyncio.sleep(delay * random.uniform(0.5, 1))
        failures += 1
    return "NOTHING_TO_WATCH"


async def main(address: str, path: str, *users: str) -> None:
    """Watch users at the server `host:port`. In `users`, a follow secret comes after each id."""
    copy = Copy(Path(path), list(zip(users[::2], users[1::2], strict=True)))
    # By itself, gRPC waits for up to two minutes before it connects again.
    options = [("grpc.max_reconnect_backoff_ms", MAX_DELAY_SECONDS * 1000)]
    async with grpc.aio.insecure_channel(address, options) as channel:
        reason = await watch(channel, copy)
    print(f"ended: {reason}")


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except grpc.aio.AioRpcError as error:
        sys.exit(f"the server returned {error.code().name}: {error.details()}")
    except KeyboardInterrupt:
        pass
