"""Timeouts and size limits of SignalR connections."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of connections; tests lower them."""

    # Interval of pings to an idle client.
    ping_seconds: float = 15
    # Time without any message from a client, pings included.
    client_seconds: float = 120
    # Time for the handshake after the WebSocket opens.
    handshake_seconds: float = 15
    # Interval and timeout of WebSocket pings, which detect half-open connections.
    probe_seconds: float = 30
    # Time for the last messages of a closing connection.
    shutdown_seconds: float = 1
    # Size of a received record, in one frame or several. A text of 32 KiB always fits: in JSON, a
    # byte takes at most six characters.
    record_bytes: int = 200 * 1024
    # Bytes queued for a slow reader; a single message may exceed it.
    unsent_bytes: int = 1024 * 1024
    connections: int = 5000
    # Connections from one network, which leaves the rest to others.
    connections_of_network: int = 2500
    # Calls in flight on one connection, and calls waiting behind them.
    calls: int = 2
    waiting_calls: int = 20


DEFAULT_LIMITS = Limits()
