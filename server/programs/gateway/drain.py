"""Envoy as a child of ours, because it ends at once when it is told to; and how it is stopped.

SIGTERM drains it: for a while it says that it is not well and asks everybody to connect elsewhere,
then it lets nobody in any more and finishes what is under way. SIGINT stops it at once.
"""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx2

from server.libraries.process import child as child_process

# What running requests get when nobody is let in any more; then streams are cut off.
GRACE_SECONDS = 10
STOP_SECONDS = 2
POLL_SECONDS = 0.1
_RUNNING = "http.front_door.downstream_rq_active"


async def run(argv: Sequence[str], admin: Path, drain_seconds: float) -> int:
    """Runs Envoy, which can be asked at the socket `admin`, until a signal says to stop.

    Returns its exit code, which is 0 if it was told to go.
    """
    signals = _signals()
    envoy = await child_process.spawn(argv, output=None)
    ended = asyncio.create_task(envoy.wait())
    told = asyncio.create_task(signals.get())
    await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        return ended.result()
    if told.result() is signal.SIGTERM:
        # Another signal, whichever it is, makes it hurry.
        force_stop = asyncio.create_task(signals.get())
        drained = asyncio.create_task(_drain(admin, drain_seconds))
        await asyncio.wait({ended, drained, force_stop}, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
    child_process.send(envoy, signal.SIGTERM)
    await child_process.ends_within(envoy, STOP_SECONDS)
    await child_process.kill(envoy)
    return 0


async def _drain(admin: Path, seconds: float) -> None:
    """Returns when nothing is under way any more, or time is up."""
    transport = httpx2.AsyncHTTPTransport(uds=str(admin), verify=False)
    # One that does not answer has not begun, or has ended.
    with suppress(httpx2.TransportError):
        async with httpx2.AsyncClient(transport=transport, base_url="http://envoy") as envoy:
            await envoy.post("/healthcheck/fail")
            await asyncio.sleep(seconds)
            await envoy.post("/drain_listeners")
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    while await _running(envoy):
                        await asyncio.sleep(POLL_SECONDS)


async def _running(envoy: httpx2.AsyncClient) -> int:
    """How many requests are under way."""
    reply = await envoy.get("/stats", params={"format": "json", "filter": f"^{_RUNNING}$"})
    return sum(int(each["value"]) for each in reply.json()["stats"])


def _signals() -> asyncio.Queue[signal.Signals]:
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.put_nowait, number)
    return told
