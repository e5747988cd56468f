"""The program that runs a plan stays in memory, so it imports little."""

import subprocess
import sys

import pytest

# Each takes megabytes, and none is needed to supervise processes.
LARGE = (
    "asyncpg",
    "cryptography",
    "google.protobuf",
    "grpc",
    "psutil",
    "pydantic",
    "rich",
    "sqlalchemy",
    "structlog",
    "typer",
    "uvloop",
)


@pytest.fixture(scope="module")
def imported() -> set[str]:
    script = "import sys, server.programs.local.run; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("name", LARGE)
def test_imports_no_large_library(imported: set[str], name: str) -> None:
    assert name not in imported
