"""The image: its contents, versions and user."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from server.libraries.common.paths import ROOT
from tests.deploy import files

pytestmark = pytest.mark.extended

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Import every module of the server.
IMPORT_ALL = """
import importlib, pkgutil, server
for module in pkgutil.walk_packages(server.__path__, "server."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print("all")
"""


def installed_in_the_image() -> set[str]:
    """Return the distributions that `uv sync` installs there: Gymlocker and its dependencies."""
    [sync] = {
        re.sub(r" --no-install-project| && .*", "", " ".join(line.split()))
        for line in files.instructions("RUN")
        if line.startswith("uv sync")
    }
    words = sync.split()
    assert "--no-default-groups" in words
    extras = frozenset(words[at + 1] for at, word in enumerate(words) if word == "--extra")
    found: set[str] = set()
    pending: list[tuple[str, frozenset[str]]] = [("gymlocker", extras)]
    while pending:
        name, extras = pending.pop()
        found.add(name)
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            other = canonicalize_name(requirement.name)
            applies = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in (*extras, "")
            )
            if applies and other not in found:
                pending.append((other, frozenset(requirement.extras)))
    return found


def image_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which only the distributions of the image can be imported."""
    installed = installed_in_the_image()
    absent = [
        module
        for module, owners in metadata.packages_distributions().items()
        if not any(canonicalize_name(owner) in installed for owner in owners)
    ]
    assert {"pytest", "yaml"} <= set(absent)
    hidden = f"import sys\nsys.modules.update(dict.fromkeys({absent!r}))\n"
    (folder / "sitecustomize.py").write_text(hidden)
    return {"PYTHONPATH": str(folder)}


def test_contains_all_imported_distributions(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", IMPORT_ALL],
        capture_output=True,
        text=True,
        env=image_environment(tmp_path),
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("all\n", "")


def test_user_is_numeric_and_not_root() -> None:
    [user] = files.instructions("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert {service["user"] for service in files.own_services().values()} == {user}
    for deployment in files.manifests("Deployment"):
        security = files.pod_of(deployment)["securityContext"]
        assert f"{security['runAsUser']}:{security['runAsGroup']}" == user
        assert security["fsGroup"] == security["runAsGroup"]


def test_versions_are_exact_and_consistent() -> None:
    build, last = files.instructions("FROM")
    assert build == f"{last} AS build"
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", last)
    assert re.search(r"\buv==\d+\.\d+\.\d+", files.instructions("RUN")[0])
    [label] = files.instructions("LABEL")
    version = PYPROJECT["project"]["version"]
    assert f'image.version="{version}"' in label
    assert f'image.description="{PYPROJECT["project"]["description"]}"' in label
    assert f'image.base.name="docker.io/library/{last}"' in label
    assert re.fullmatch(
        r"postgres:\d+\.\d+-[a-z]+", files.compose()["services"]["postgres"]["image"]
    )
    services = [*files.own_services().values(), files.household()]
    assert {each["image"] for each in services} == {f"gymlocker:{version}"}
    [image] = files.kustomization()["images"]
    assert (image["name"], image["newTag"]) == ("gymlocker", version)
    used = {
        each["image"] for one in files.manifests("Deployment") for each in files.containers_of(one)
    }
    assert used == {"gymlocker"}


def test_dockerignore_allows_exactly_the_copied_files() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    copied = {
        source
        for line in files.instructions("COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)


def test_installs_dependencies_before_copying_sources() -> None:
    steps = [f"{name} {rest}" for name, rest in files.dockerfile()]
    libraries = next(at for at, step in enumerate(steps) if "--no-install-project" in step)
    assert libraries < steps.index("COPY server server")
    before = [step for step in steps[:libraries] if step.startswith("COPY")]
    assert before == ["COPY pyproject.toml ./"]
