"""Signals that stop a process."""

import asyncio
import signal


def stop_signal() -> "asyncio.Future[signal.Signals]":
    """Return a future of the first SIGINT or SIGTERM; later ones are ignored.

    The signals are handled as soon as this returns.
    """
    loop = asyncio.get_running_loop()
    received: asyncio.Future[signal.Signals] = loop.create_future()

    def receive(number: signal.Signals) -> None:
        if not received.done():
            received.set_result(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, receive, number)
    return received
