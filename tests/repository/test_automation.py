"""Workflows, hooks and Renovate refer to what exists; scripts/check validates their schemas."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.libraries.common.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RENOVATE = json.loads((ROOT / "renovate.json").read_text())
CUSTOM_MANAGERS = {each["description"]: each for each in RENOVATE["customManagers"]}


def steps(workflow: Path) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job.get("steps", [])]


def test_ci_runs_the_script_that_people_run() -> None:
    ran = [step["run"] for step in steps(ROOT / ".github/workflows/ci.yml") if "run" in step]
    assert ".ci/run" in ran


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_have_exact_versions(workflow: Path) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})", action), action


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_interpolates_what_others_write(workflow: Path) -> None:
    # A title or a branch name in a script would be run by it.
    for step in steps(workflow):
        assert "${{" not in step.get("run", "")


def test_hooks_run_the_tools_of_the_project() -> None:
    [repository] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    check = (ROOT / "scripts" / "check").read_text()
    for hook in repository["hooks"]:
        # The same program as in scripts/check, where its options may differ.
        tool = " ".join(hook["entry"].split()[:4]) if "scripts/" in hook["entry"] else None
        assert (tool or " ".join(hook["entry"].split()[:3])) in check, hook["id"]


@pytest.mark.parametrize("manager", CUSTOM_MANAGERS.values(), ids=CUSTOM_MANAGERS)
def test_renovate_finds_what_it_is_to_update(manager: dict[str, Any]) -> None:
    [pattern], [expression] = manager["managerFilePatterns"], manager["matchStrings"]
    [file] = [
        name
        for name in ("pyproject.toml", "Dockerfile", ".ci/run")
        if re.search(pattern.strip("/"), name)
    ]
    expression = expression.replace("(?<", "(?P<")
    found = list(re.finditer(expression, (ROOT / file).read_text()))
    assert found
    assert all(match["depName"] and match["currentValue"] for match in found)


def test_renovate_finds_every_pin() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    uv = tomllib.loads(text)["tool"]["uv"]
    pins = [*uv["constraint-dependencies"], *uv["build-constraint-dependencies"]]
    [manager] = [each for each in CUSTOM_MANAGERS.values() if "pyproject" in str(each)]
    expression = manager["matchStrings"][0].replace("(?<", "(?P<")
    found = [f"{match[1]}=={match[2]}" for match in re.finditer(expression, text)]
    # Those with a marker are left to scripts/pin.py.
    assert Counter(found) == Counter(pin for pin in pins if ";" not in pin)
