"""Contents of Dockerfile, docker-compose.yml and deploy/ for tests.

`compose` and `own_services` are about deploy/compose/production.yml, `household` about
docker-compose.yml.
"""

import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from server.libraries.common.paths import ROOT
from server.programs.diagnostics import configuration

HOUSEHOLD = ROOT / "docker-compose.yml"
PRODUCTION = ROOT / "deploy" / "compose" / "production.yml"
KUBERNETES = ROOT / "deploy" / "kubernetes"
EXAMPLE = "secret.example.yaml"
UNITS = {"M": 1024**2, "G": 1024**3, "Mi": 1024**2, "Gi": 1024**3}
# Settings that hold passwords or keys.
SECRET = re.compile("DATABASE_URL|SECRET|API_KEY|PASSWORD$|TOKEN$")


@dataclass(frozen=True)
class Command:
    """A command line of `gymlocker` and its location."""

    where: str
    words: tuple[str, ...]

    def option(self, name: str) -> str:
        """Return the value of an option, which must be present."""
        return self.words[self.words.index(name) + 1]

    def __str__(self) -> str:
        return f"{self.where}: {' '.join(self.words)}"


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with their arguments."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
        for line in lines
        if line and not line.startswith("#")
    ]


def instructions(name: str) -> list[str]:
    """Return the arguments of each instruction `name` in the Dockerfile."""
    return [rest for instruction, rest in dockerfile() if instruction == name]


@cache
def documents(path: Path) -> list[Any]:
    """Return the documents of a YAML file. They are cached and must not be changed."""
    return list(yaml.safe_load_all(path.read_text()))


def compose() -> dict[str, Any]:
    """Return deploy/compose/production.yml."""
    return dict(documents(PRODUCTION)[0])


def household() -> dict[str, Any]:
    """Return the only service of docker-compose.yml."""
    [service] = documents(HOUSEHOLD)[0]["services"].values()
    return dict(service)


def comment_of_compose() -> list[str]:
    """Return the lines of the comment at the top of production.yml, without `#`."""
    lines = PRODUCTION.read_text().splitlines()
    return [line[1:] for line in itertools.takewhile(lambda line: line.startswith("#"), lines)]


def own_services() -> dict[str, dict[str, Any]]:
    """Return the services of production.yml that run Gymlocker."""
    services: dict[str, dict[str, Any]] = compose()["services"]
    return {name: service for name, service in services.items() if name != "postgres"}


def kustomization() -> dict[str, Any]:
    """Return deploy/kubernetes/kustomization.yaml."""
    return dict(documents(KUBERNETES / "kustomization.yaml")[0])


def manifests(kind: str = "") -> list[dict[str, Any]]:
    """Return the manifests that kustomize combines, all or of one kind."""
    files = [KUBERNETES / name for name in kustomization()["resources"]]
    objects = [each for file in files for each in documents(file)]
    return [each for each in objects if kind in ("", each["kind"])]


def manifest(kind: str, name: str) -> dict[str, Any]:
    """Return one manifest."""
    [found] = [each for each in manifests(kind) if each["metadata"]["name"] == name]
    return found


def pod_of(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return the pod spec of a Deployment."""
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def containers_of(deployment: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all containers of a Deployment, including init containers."""
    pod = pod_of(deployment)
    return [*pod.get("initContainers", []), *pod["containers"]]


def literals() -> dict[str, str]:
    """Return the settings in the ConfigMap."""
    [generator] = kustomization()["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in generator["literals"])


def example_secret() -> dict[str, str]:
    """Return the secrets in secret.example.yaml."""
    return dict(documents(KUBERNETES / EXAMPLE)[0]["stringData"])


def render() -> dict[str, Any]:
    """Return deploy/render.yaml."""
    return dict(documents(ROOT / "deploy" / "render.yaml")[0])


def fly() -> dict[str, Any]:
    """Return deploy/fly.toml."""
    return tomllib.loads((ROOT / "deploy" / "fly.toml").read_text())


def image_command() -> Command:
    """Return the default command of the image."""
    return Command("Dockerfile", tuple(json.loads(instructions("CMD")[-1])))


def health_of_image() -> Command:
    """Return the health check of the image."""
    options, command = instructions("HEALTHCHECK")[0].split("CMD", 1)
    assert options
    return Command("Dockerfile, HEALTHCHECK", tuple(json.loads(command))[1:])


def health_of_service(name: str) -> Command:
    """Return the health check of a service."""
    kind, program, *words = own_services()[name]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "gymlocker")
    return Command(f"production.yml, health of {name}", tuple(words))


def household_command() -> Command:
    """Return the command of docker-compose.yml."""
    return Command("docker-compose.yml", tuple(household()["command"]))


def household_health() -> Command:
    """Return the health check of docker-compose.yml."""
    _, program, *words = household()["healthcheck"]["test"]
    assert program == "gymlocker"
    return Command("docker-compose.yml, health", tuple(words))


def service_command(name: str) -> Command:
    """Return the command of a service in production.yml."""
    return Command(f"production.yml, {name}", tuple(own_services()[name]["command"]))


def container_commands() -> dict[str, Command]:
    """Return the command of each container in Kubernetes."""
    return {
        each["name"]: Command(f"deploy/kubernetes, {each['name']}", tuple(each["args"]))
        for deployment in manifests("Deployment")
        for each in containers_of(deployment)
    }


def commands() -> Iterator[Command]:
    """Yield every command line of `gymlocker`."""
    yield image_command()
    yield health_of_image()
    yield household_command()
    yield household_health()
    for name, service in own_services().items():
        yield service_command(name)
        if not service["healthcheck"].get("disable"):
            yield health_of_service(name)
    yield from container_commands().values()


def settings() -> set[str]:
    """Return the names of all settings."""
    return configuration.names()


def byte_count(text: str) -> int:
    """Parse a size of compose or Kubernetes into bytes."""
    number, unit = re.fullmatch(r"(\d+)([A-Z]i?)", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def tmp_bytes(service: dict[str, Any]) -> int:
    """Return the size of the /tmp of a service."""
    [place] = service["tmpfs"]
    options = place.removeprefix("/tmp:").split(",")
    [size] = [one.removeprefix("size=") for one in options if one.startswith("size=")]
    return byte_count(size.upper())


def seconds(text: str) -> float:
    """Parse a duration of compose into seconds."""
    return float(text.removesuffix("s"))
