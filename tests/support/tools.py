"""Programs that some tests need and that are no Python packages; see CONTRIBUTING.md."""

import os
import shutil

import pytest


def require(*programs: str) -> None:
    """Skip the test with a reason if one of `programs` is missing; in CI, fail it."""
    missing = ", ".join(program for program in programs if shutil.which(program) is None)
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing}: not installed; .ci/run must install it")
    if missing:
        pytest.skip(f"{missing}: not installed; see CONTRIBUTING.md")
