"""Encoded messages of WatchInbox."""

from gymlocker.v2 import inbox_pb2, watch_pb2

HEARTBEAT = inbox_pb2.WatchInboxResponse(heartbeat=watch_pb2.Heartbeat()).SerializeToString()


def ended(reason: str) -> bytes:
    """Return the last message of a stream."""
    return inbox_pb2.WatchInboxResponse(
        ended=watch_pb2.StreamEnded(reason=reason)
    ).SerializeToString()


def waiting(count: int) -> bytes:
    """Return the message with the number of messages that can be read."""
    waiting = inbox_pb2.WaitingMessages(count=count)
    return inbox_pb2.WatchInboxResponse(waiting=waiting).SerializeToString()
