"""Description of the machine: most ratios are similar on other machines, but not all."""

import platform
import subprocess
import textwrap
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

_LIBRARIES = ("grpcio", "protobuf", "asyncpg", "uvloop", "fastapi", "uvicorn", "sqlalchemy")


def description() -> str:
    """Return the date, the machine and the versions, wrapped to 100 columns."""
    memory = psutil.virtual_memory().total / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}, at commit {_commit()}. "
        f"{psutil.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}. "
        f"Python {platform.python_version()}, {libraries}."
    )
    return textwrap.fill(text, 100)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _commit() -> str:
    git = ("git", "describe", "--always", "--dirty", "--exclude=*")
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
