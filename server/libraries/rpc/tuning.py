"""What the libraries below a worker are told before it starts: see docs/decisions/0012-fast.md."""

import ctypes
import os

# Of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# The most that the library takes; a request and its reply are smaller.
KEPT_BYTES = 32 * 1024 * 1024
# grpc's older poller accepts connections, not its event engine: fewer threads wake one another.
EXPERIMENTS = "-event_engine_listener"


def tune() -> None:
    """Has to come before grpc is imported."""
    os.environ.setdefault("GRPC_EXPERIMENTS", EXPERIMENTS)
    keep_large_blocks()


def keep_large_blocks() -> None:
    """Keeps up to KEPT_BYTES that are free, where the C library is GNU's; others have no choice.

    It would else give a block of a picture's size back to the system, and each page of the next one
    is a fault: two thirds of what reading a picture cost.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
