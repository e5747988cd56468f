"""What SIGINT, SIGTERM and SIGHUP do to `gymlocker up`: the first stops it, the next hurries it."""

import asyncio
import signal
from collections.abc import Callable, Coroutine

from server.libraries.process.supervisor import Supervisor


def stop_at_signal(supervisor: Supervisor, report: Callable[[str], None]) -> asyncio.Event:
    """An event that the first signal sets; the next one makes the stop hurry."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            supervisor.force_stop()
        else:
            report("stopping")
            stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup asks for SIGHUP to be ignored; that SIGINT is, is only a shell's way with "&".
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, on_signal)
    return stop


async def unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Does `work` until it is done or fails, or until `stop`: then cancels it and cleans up."""
    doing = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([doing, stopped], return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
    finally:
        for task in (doing, stopped):
            task.cancel()
        await asyncio.wait([doing, stopped])
