"""The two commands to start with, wherever they are repeated."""

import re
import tomllib

from server.libraries.common.paths import ROOT

UV = "python3 -m venv .tools && .tools/bin/pip install uv && .tools/bin/uv run"
RUN, TEST = f"{UV} gymlocker up", f"{UV} --dev pytest"


def commands(page: str) -> list[str]:
    """Return the commands of a page that install uv, without the comments behind them."""
    lines = (ROOT / page).read_text().splitlines()
    return [re.sub(r"\s+#.*", "", line) for line in lines if re.match(r".*pip install uv &&", line)]


def test_readme_and_platforms_name_the_same_commands() -> None:
    assert commands("README.md") == commands("docs/platforms.md") == [RUN, TEST]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert commands(".ci/run") == [TEST]


def test_running_parts_are_installed_by_default() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert pyproject["tool"]["uv"]["default-groups"] == ["run"]
    assert pyproject["dependency-groups"]["run"] == ["gymlocker[local]"]
