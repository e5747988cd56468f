"""Reads Dockerfile, docker-compose.yml and deploy/, and finds what they have in common."""

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

KUBERNETES = ROOT / "deploy" / "kubernetes"
EXAMPLE = "secret.example.yaml"
UNITS = {"M": 1024**2, "G": 1024**3, "Mi": 1024**2, "Gi": 1024**3}
# Settings that hold passwords or keys.
SECRET = re.compile("DATABASE_URL|SECRET|API_KEY|PASSWORD$|TOKEN$")


@dataclass(frozen=True)
class Command:
    """A command line of `gymlocker` and where it stands."""

    where: str
    words: tuple[str, ...]

    def option(self, name: str) -> str:
        """The value of an option, which must be there."""
        return self.words[self.words.index(name) + 1]

    def __str__(self) -> str:
        return f"{self.where}: {' '.join(self.words)}"


def dockerfile() -> list[tuple[str, str]]:
    """Its instructions and what follows each."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
        for line in lines
        if line and not line.startswith("#")
    ]


def instructions(name: str) -> list[str]:
    """What follows each instruction `name` of the Dockerfile."""
    return [rest for instruction, rest in dockerfile() if instruction == name]


@cache
def documents(path: Path) -> list[Any]:
    """What is in a file of YAML. Nobody changes it."""
    return list(yaml.safe_load_all(path.read_text()))


def compose() -> dict[str, Any]:
    """docker-compose.yml."""
    return dict(documents(ROOT / "docker-compose.yml")[0])


def comment_of_compose() -> list[str]:
    """The comment at its top, a line each, without the number sign."""
    lines = (ROOT / "docker-compose.yml").read_text().splitlines()
    return [line[1:] for line in itertools.takewhile(lambda line: line.startswith("#"), lines)]


def own_services() -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml that are Gymlocker's."""
    services: dict[str, dict[str, Any]] = compose()["services"]
    return {name: service for name, service in services.items() if name != "postgres"}


def kustomization() -> dict[str, Any]:
    """deploy/kubernetes/kustomization.yaml."""
    return dict(documents(KUBERNETES / "kustomization.yaml")[0])


def manifests(kind: str = "") -> list[dict[str, Any]]:
    """What kustomize puts together, all or of one kind."""
    files = [KUBERNETES / name for name in kustomization()["resources"]]
    objects = [each for file in files for each in documents(file)]
    return [each for each in objects if kind in ("", each["kind"])]


def manifest(kind: str, name: str) -> dict[str, Any]:
    """One of them."""
    [found] = [each for each in manifests(kind) if each["metadata"]["name"] == name]
    return found


def pod_of(deployment: dict[str, Any]) -> dict[str, Any]:
    """What a Deployment says of its pods."""
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def containers_of(deployment: dict[str, Any]) -> list[dict[str, Any]]:
    """All containers of a Deployment's pods."""
    pod = pod_of(deployment)
    return [*pod.get("initContainers", []), *pod["containers"]]


def literals() -> dict[str, str]:
    """The settings in the ConfigMap."""
    [generator] = kustomization()["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in generator["literals"])


def example_secret() -> dict[str, str]:
    """The secrets that secret.example.yaml shows."""
    return dict(documents(KUBERNETES / EXAMPLE)[0]["stringData"])


def render() -> dict[str, Any]:
    """deploy/render.yaml."""
    return dict(documents(ROOT / "deploy" / "render.yaml")[0])


def fly() -> dict[str, Any]:
    """deploy/fly.toml."""
    return tomllib.loads((ROOT / "deploy" / "fly.toml").read_text())


def image_command() -> Command:
    """What the image does by itself."""
    return Command("Dockerfile", tuple(json.loads(instructions("CMD")[-1])))


def health_of_image() -> Command:
    """How the image is asked how it is."""
    options, command = instructions("HEALTHCHECK")[0].split("CMD", 1)
    assert options
    return Command("Dockerfile, HEALTHCHECK", tuple(json.loads(command))[1:])


def health_of_service(name: str) -> Command:
    """How a service is asked how it is."""
    kind, program, *words = own_services()[name]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "gymlocker")
    return Command(f"docker-compose.yml, health of {name}", tuple(words))


def service_command(name: str) -> Command:
    """What a service of docker-compose.yml does."""
    return Command(f"docker-compose.yml, {name}", tuple(own_services()[name]["command"]))


def container_commands() -> dict[str, Command]:
    """What each container in Kubernetes does."""
    return {
        each["name"]: Command(f"deploy/kubernetes, {each['name']}", tuple(each["args"]))
        for deployment in manifests("Deployment")
        for each in containers_of(deployment)
    }


def commands() -> Iterator[Command]:
    """Every command line of `gymlocker`."""
    yield image_command()
    yield health_of_image()
    for name, service in own_services().items():
        yield service_command(name)
        if not service["healthcheck"].get("disable"):
            yield health_of_service(name)
    yield from container_commands().values()


def settings() -> set[str]:
    """The names of all settings that there are."""
    return configuration.names()


def byte_count(text: str) -> int:
    """Bytes, from how compose and Kubernetes write them."""
    number, unit = re.fullmatch(r"(\d+)([A-Z]i?)", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def seconds(text: str) -> float:
    """Seconds, from how compose writes them."""
    return float(text.removesuffix("s"))
