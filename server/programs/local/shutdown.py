"""The signals of `gymlocker up`: the first one stops it, a further one forces the stop."""

import asyncio
import signal
from collections.abc import Callable, Coroutine

from server.libraries.process.supervisor import Supervisor


def stop_at_signal(supervisor: Supervisor, report: Callable[[str], None]) -> asyncio.Event:
    """Return an event that the first signal sets; further signals force the stop."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            supervisor.force_stop()
        else:
            report("stopping")
            stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup ignores SIGHUP on purpose. An ignored SIGINT only means that a shell started it
        # with "&".
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, on_signal)
    return stop


async def run_until(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Run `work` until it ends or `stop` is set; then cancel it and wait for its cleanup."""
    running = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        for task in (running, stopped):
            task.cancel()
        await asyncio.wait([running, stopped])
