"""How long and how large things may be in a SignalR connection."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a connection may take. Tests make it smaller."""

    # A message is sent at least this often.
    ping_seconds: float = 15
    # For how long a client may say nothing, not even a ping.
    client_seconds: float = 120
    # A client that was connected says hello within this.
    handshake_seconds: float = 15
    # WebSocket's own ping, and how long its answer may take: finds connections that are half open.
    probe_seconds: float = 30
    # What a closing connection gets to say so.
    farewell_seconds: float = 1
    # A record that comes in, in one frame or in several. A text of 32 KiB has room however it is
    # written: as JSON, a byte of it takes six characters at the most.
    record_bytes: int = 200 * 1024
    # What waits in memory for a slow reader; one message may go beyond it.
    unsent_bytes: int = 1024 * 1024
    connections: int = 5000
    # From one network: the rest is for others.
    connections_of_network: int = 2500
    # Of one connection: calls at a time, and calls that wait for their turn.
    calls: int = 2
    waiting_calls: int = 20


USUAL_LIMITS = Limits()
