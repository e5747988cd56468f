"""Contents of backups. The server looks at the first two bytes alone."""

import hashlib
import os

KIB, MIB = 1024, 1024 * 1024
GZIP = b"\x1f\x8b"


def new_contents(size: int = 1000) -> bytes:
    """Return random contents that begin like a gzip file."""
    return GZIP + os.urandom(size - len(GZIP))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
