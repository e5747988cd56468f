"""A worker that takes hints for the truth, beside the workers of a stack."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from grpc import aio

from tests.faults.feed import lossy_hints
from tests.support.worker import JWT_SECRET_KEY


@asynccontextmanager
async def trusting_worker(folder: Path, url: str) -> AsyncIterator[aio.Channel]:
    """Run the worker; yield a channel to it."""
    listen = f"unix:{folder / 'trusting.sock'}"
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", lossy_hints.PROGRAM, "serve", "--listen", listen),
        env={
            **os.environ,
            "DATABASE_URL": url,
            "JWT_SECRET_KEY": JWT_SECRET_KEY,
            lossy_hints.FOLDER: str(folder),
            lossy_hints.TRUST: "yes",
        },
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aio.insecure_channel(listen) as channel:
            yield channel
    finally:
        worker.kill()
        await worker.wait()
