"""Whether conversations that are cut leave anything behind, and whether idle ones stay.

Ten thousand answers are cancelled in the middle, by gRPC, REST and SignalR in turns. Printed are
the memory of each process after it has warmed up and at the end, as their ratio, and for how long
the model was still connected after its answer was cancelled. Then 500 of the app's own connections
say nothing for a minute. Node has to be installed.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import httpx2
import psutil
from gymlocker.v2 import ai_pb2, ai_pb2_grpc
from rich.progress import track
from websockets.asyncio.client import connect

from server.programs.local.temporary_postgres import temporary_postgres
from tests.programs.web.app import installed, running
from tests.programs.web.client import Signal
from tests.services.ai.planner.model_server import ModelServer
from tests.support.stack import Stack, running_stack

WARM_UP, STREAMS, AT_ONCE = 2_000, 10_000, 25
PEOPLE, SECONDS = 500, 60
TOKEN = "good"  # noqa: S105 - of a server that lives for some minutes
WAIT = "Take your time and tell me more. " * 8

Cut = Callable[[], Awaitable[None]]


async def main() -> None:
    """Measures and prints."""
    with temporary_postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        url = postgres.url("postgres")
        async with ModelServer() as model:
            with running_stack(
                Path(folder),
                workers=1,
                DATABASE_URL=url,
                OPENAI_BASE_URL=model.url,
                WEB_AUTH_API_KEY=TOKEN,
                RATE_LIMIT_WEB_PER_DAY="1000000",
            ) as stack:
                await cut_many(stack, model, url)
                await idle(stack)


async def cut_many(stack: Stack, model: ModelServer, database: str) -> None:
    """Cancels answers, and prints what that leaves."""
    async with (
        grpc.aio.insecure_channel(stack.address) as channel,
        httpx2.AsyncClient(base_url=stack.url, timeout=30) as http,
    ):
        ai: Any = ai_pb2_grpc.AiServiceStub(channel)
        ways = [cut_grpc(ai), cut_rest(http), cut_signalr(stack)]
        connection = await asyncpg.connect(database)
        slowest = 0.0
        before: Counter[str] = Counter()
        for count in track(range(0, WARM_UP + STREAMS, AT_ONCE), "cancelling"):
            if count == WARM_UP:
                before = await memory(stack)
            way = ways[count // AT_ONCE % len(ways)]
            await asyncio.gather(*(way() for _ in range(AT_ONCE)))
            cancelled = time.perf_counter()
            await model.until(lambda: model.open == 0)
            slowest = max(slowest, time.perf_counter() - cancelled)
            model.calls.clear()
            model.headers.clear()
            # Its times are written anew at each use; it is not what is measured.
            await connection.execute("TRUNCATE rate_limit_consumptions")
        await connection.close()
    after = await memory(stack)
    for name, kilobytes in sorted(after.items()):
        print(f"{name}: {kilobytes / before[name]:.3f} of {before[name] / 1024:.1f} MiB")
    print(f"{model.hung_up} answers cut; the model was hung up on within {slowest:.3f} s")


def cut_grpc(ai: Any) -> Cut:
    """Cancels an answer of Chat."""

    async def cut() -> None:
        call = ai.Chat(metadata=(("authorization", f"Web {TOKEN}"),))
        await call.write(ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text=WAIT)))
        assert (await call.read()).message
        call.cancel()

    return cut


def cut_rest(http: httpx2.AsyncClient) -> Cut:
    """Hangs up on an answer of StreamChat."""

    async def cut() -> None:
        body = {"history": [{"role": "ROLE_USER", "text": WAIT}]}
        headers = {"authorization": f"Web {TOKEN}"}
        async with http.stream("POST", "/ai/chat", json=body, headers=headers) as response:
            assert (await anext(response.aiter_lines())).startswith("data:")

    return cut


def cut_signalr(stack: Stack) -> Cut:
    """Leaves in the middle of an answer."""

    async def cut() -> None:
        url = f"ws://{stack.address}/ai-chat-v2?access_token=Web%20{TOKEN}"
        async with connect(url) as socket:
            signal = Signal(socket)
            await signal.shake_hands()
            await signal.call("SendMessage", WAIT, 3)
            assert (await signal.receive())["target"] == "ReceiveMessage"

    return cut


async def memory(stack: Stack) -> Counter[str]:
    """The kilobytes that only this process has, of each process of the house but PostgreSQL."""
    await asyncio.sleep(1)
    found: Counter[str] = Counter()
    for process in psutil.Process(stack.process.pid).children(recursive=True):
        words = {Path(word).name for word in process.cmdline()}
        for name in words & {"serve", "web", "envoy"}:
            found[name] += process.memory_full_info().uss // 1024
    return found


async def idle(stack: Stack) -> None:
    """Lets many connections be, and prints how many are still there."""
    async with running(installed(), stack.url, "idle", PEOPLE, SECONDS) as app:
        found = await app.result(within=SECONDS + 60)
    print(f"{found['people']} connections idle for {SECONDS} s: {found['lost']} lost")


if __name__ == "__main__":
    asyncio.run(main())
