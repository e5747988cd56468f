"""Memory use after cancelled conversations, and the survival of idle ones.

Ten thousand responses are cancelled halfway, over gRPC, REST and SignalR in turns. The output is
the memory of each process at the end relative to after the warm-up, and the time until the model's
connection is closed after a cancellation. Then 500 connections of the app stay idle for a minute.
Requires Node.
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

WARM_UP, STREAMS, CONCURRENCY = 2_000, 10_000, 25
PEOPLE, SECONDS = 500, 60
TOKEN = "good"  # noqa: S105 - of a temporary server
WAIT = "Take your time and tell me more. " * 8

Cancel = Callable[[], Awaitable[None]]


async def main() -> None:
    """Measure and print."""
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
                await cancel_many(stack, model, url)
                await idle(stack)


async def cancel_many(stack: Stack, model: ModelServer, database: str) -> None:
    """Cancel responses; print the memory and the time until the model is disconnected."""
    async with (
        grpc.aio.insecure_channel(stack.address) as channel,
        httpx2.AsyncClient(base_url=stack.url, timeout=30) as http,
    ):
        ai: Any = ai_pb2_grpc.AiServiceStub(channel)
        cancellations = [cancel_grpc(ai), cancel_rest(http), cancel_signalr(stack)]
        connection = await asyncpg.connect(database)
        slowest = 0.0
        before: Counter[str] = Counter()
        for count in track(range(0, WARM_UP + STREAMS, CONCURRENCY), "cancelling"):
            if count == WARM_UP:
                before = await memory(stack)
            cancel = cancellations[count // CONCURRENCY % len(cancellations)]
            await asyncio.gather(*(cancel() for _ in range(CONCURRENCY)))
            cancelled = time.perf_counter()
            await model.until(lambda: model.open == 0)
            slowest = max(slowest, time.perf_counter() - cancelled)
            model.calls.clear()
            model.headers.clear()
            # Each use rewrites its timestamps; the rate limit is not measured here.
            await connection.execute("TRUNCATE rate_limit_consumptions")
        await connection.close()
    after = await memory(stack)
    for name, kilobytes in sorted(after.items()):
        print(f"{name}: {kilobytes / before[name]:.3f} of {before[name] / 1024:.1f} MiB")
    print(f"{model.hung_up} responses cancelled; model disconnected within {slowest:.3f} s")


def cancel_grpc(ai: Any) -> Cancel:
    """Return a function that cancels a response of Chat."""

    async def cancel() -> None:
        call = ai.Chat(metadata=(("authorization", f"Web {TOKEN}"),))
        await call.write(ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text=WAIT)))
        assert (await call.read()).message
        call.cancel()

    return cancel


def cancel_rest(http: httpx2.AsyncClient) -> Cancel:
    """Return a function that disconnects during a response of StreamChat."""

    async def cancel() -> None:
        body = {"history": [{"role": "ROLE_USER", "text": WAIT}]}
        headers = {"authorization": f"Web {TOKEN}"}
        async with http.stream("POST", "/ai/chat", json=body, headers=headers) as response:
            assert (await anext(response.aiter_lines())).startswith("data:")

    return cancel


def cancel_signalr(stack: Stack) -> Cancel:
    """Return a function that disconnects from the hub during a response."""

    async def cancel() -> None:
        url = f"ws://{stack.address}/ai-chat-v2?access_token=Web%20{TOKEN}"
        async with connect(url) as socket:
            signal = Signal(socket)
            await signal.shake_hands()
            await signal.call("SendMessage", WAIT, 3)
            assert (await signal.receive())["target"] == "ReceiveMessage"

    return cancel


async def memory(stack: Stack) -> Counter[str]:
    """Return the unshared memory of each process of the stack except PostgreSQL, in kilobytes."""
    await asyncio.sleep(1)
    found: Counter[str] = Counter()
    for process in psutil.Process(stack.process.pid).children(recursive=True):
        words = {Path(word).name for word in process.cmdline()}
        for name in words & {"serve", "web", "envoy"}:
            found[name] += process.memory_full_info().uss // 1024
    return found


async def idle(stack: Stack) -> None:
    """Keep many connections idle; print how many were lost."""
    async with running(installed(), stack.url, "idle", PEOPLE, SECONDS) as app:
        found = await app.result(within=SECONDS + 60)
    print(f"{found['people']} connections idle for {SECONDS} s: {found['lost']} lost")


if __name__ == "__main__":
    asyncio.run(main())
