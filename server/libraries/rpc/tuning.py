"""Process-wide tuning of a worker; run before importing grpc. See docs/decisions/0012-fast.md."""

import asyncio
import ctypes
import importlib
import os
import sys

# From <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# The maximum that glibc accepts; requests and responses are smaller.
KEPT_BYTES = 32 * 1024 * 1024
# Seconds after which memory that is still free goes back to the system.
KEPT_SECONDS = 60
# Accept connections with grpc's older poller instead of its event engine: fewer thread wake-ups.
EXPERIMENTS = "-event_engine_listener"


def tune() -> None:
    """Apply all settings; must run before grpc and structlog are imported."""
    os.environ.setdefault("GRPC_EXPERIMENTS", EXPERIMENTS)
    import_structlog_without_rich()
    keep_large_blocks()


def import_structlog_without_rich() -> None:
    """Import structlog so that it does not find rich, which it would use for tracebacks.

    A worker logs none, and rich takes 5 MiB: see docs/decisions/0022-memory.md.
    """
    if "rich" in sys.modules or "structlog" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]


def keep_large_blocks() -> None:
    """Keep up to KEPT_BYTES of freed memory with glibc; other C libraries have no such option.

    Otherwise glibc returns a block of a picture's size to the system, and every page of the next
    block is a page fault: two thirds of the cost of reading a picture.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)


async def return_freed_memory() -> None:
    """Return kept memory to the system; to do so now and then costs calls nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        await asyncio.to_thread(trim, 0)
