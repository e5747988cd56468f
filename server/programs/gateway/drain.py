"""Envoy as a child process that drains on SIGTERM, which Envoy by itself does not.

Draining has two phases. For `drain_seconds`, health checks fail and clients are asked to connect
elsewhere. Then the listeners close, and requests in flight may finish. SIGINT stops Envoy at once.
"""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx2

from server.libraries.process import child as child_process

# Time for requests in flight once the listeners are closed; streams are cut off after it.
GRACE_SECONDS = 10
STOP_SECONDS = 2
POLL_SECONDS = 0.1
_ACTIVE_REQUESTS = "http.front_door.downstream_rq_active"


async def run(argv: Sequence[str], admin: Path, drain_seconds: float) -> int:
    """Run Envoy, whose admin socket is `admin`, until a signal stops it.

    Returns its exit code: 0 if a signal stopped it.
    """
    signals = _signals()
    envoy = await child_process.spawn(argv, output=None)
    ended = asyncio.create_task(envoy.wait())
    stop = asyncio.create_task(signals.get())
    await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        return ended.result()
    if stop.result() is signal.SIGTERM:
        # A second signal of either kind ends the draining.
        force_stop = asyncio.create_task(signals.get())
        drained = asyncio.create_task(_drain(admin, drain_seconds))
        await asyncio.wait({ended, drained, force_stop}, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
    child_process.send(envoy, signal.SIGTERM)
    await child_process.ends_within(envoy, STOP_SECONDS)
    await child_process.kill(envoy)
    return 0


async def _drain(admin: Path, seconds: float) -> None:
    """Return when no request is in flight, or after the grace period."""
    transport = httpx2.AsyncHTTPTransport(uds=str(admin), verify=False)
    # If Envoy does not respond, it has not started yet or has already exited.
    with suppress(httpx2.TransportError):
        async with httpx2.AsyncClient(transport=transport, base_url="http://envoy") as envoy:
            await envoy.post("/healthcheck/fail")
            await asyncio.sleep(seconds)
            await envoy.post("/drain_listeners")
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    while await _active_requests(envoy):
                        await asyncio.sleep(POLL_SECONDS)


async def _active_requests(envoy: httpx2.AsyncClient) -> int:
    query = {"format": "json", "filter": f"^{_ACTIVE_REQUESTS}$"}
    response = await envoy.get("/stats", params=query)
    return sum(int(stat["value"]) for stat in response.json()["stats"])


def _signals() -> asyncio.Queue[signal.Signals]:
    loop = asyncio.get_running_loop()
    received: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, received.put_nowait, number)
    return received
