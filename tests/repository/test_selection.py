"""The selection of tests: what the test command leaves out, it names."""

import subprocess
import sys

import pytest

from server.libraries.common.paths import ROOT

pytestmark = pytest.mark.extended

HINT = "The extended tests were not selected. Run them: uv run --dev pytest -m extended"


def last_line(*options: str) -> str:
    """Return the last line of a pytest run of one file of tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *options]
    tests = "tests/libraries/common/test_atomic_file.py"
    done = subprocess.run([*command, tests], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines()[-1]


def test_default_selection_names_the_command_for_the_rest() -> None:
    assert last_line() == HINT


def test_complete_selection_names_no_other_command() -> None:
    assert last_line("-m", "") != HINT
