"""Programs that some tests need and Python cannot bring along; CONTRIBUTING.md says whence."""

import os
import shutil

import pytest


def require(*programs: str) -> None:
    """Skips the test if one of `programs` is missing, and says so; fails it in CI."""
    missing = ", ".join(program for program in programs if shutil.which(program) is None)
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing}: not installed; .ci/run should have seen to it")
    if missing:
        pytest.skip(f"{missing}: not installed; CONTRIBUTING.md says how")
