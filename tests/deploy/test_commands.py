"""What is said to `gymlocker` in files of deployment, it understands."""

from pathlib import Path
from typing import Any

import pytest
import typer

from server.libraries.common.paths import ROOT
from server.programs.cli.app import app
from tests.deploy import files
from tests.deploy.files import Command


def told(command: Command) -> tuple[str, dict[str, Any]]:
    """The subcommand and its parameters, as the real command line understands them."""
    group = typer.main.get_command(app)
    context = group.make_context("gymlocker", list(command.words))
    name, subcommand, rest = group.resolve_command(context, list(command.words))  # type: ignore[attr-defined]
    return name, subcommand.make_context(name, rest, parent=context).params


@pytest.mark.parametrize("command", list(files.commands()), ids=str)
def test_every_command_is_understood(command: Command) -> None:
    name, _ = told(command)
    assert name == command.words[0]


def test_a_command_that_is_wrong_is_not_understood() -> None:
    with pytest.raises(Exception, match="--port"):
        told(Command("here", ("serve", "--listen", "0.0.0.0:9090", "--port", "1")))


def test_the_image_runs_everything_where_it_may_write_and_all_may_reach_it() -> None:
    name, options = told(files.image_command())
    assert (name, options["host"], options["data_dir"]) == ("up", "0.0.0.0", Path("/tmp/gymlocker"))
    assert files.instructions("EXPOSE") == [str(options["port"])]
    assert told(files.health_of_image())[1]["address"] == f"127.0.0.1:{options['port']}"


@pytest.mark.parametrize("name", ["server", "web", "gateway"])
def test_a_service_is_asked_where_it_listens(name: str) -> None:
    port = files.service_command(name).option("--listen").rpartition(":")[2]
    _, options = told(files.health_of_service(name))
    assert options["address"] == f"127.0.0.1:{port}"
    assert options["http"] == (name == "web")
    assert options["timeout"] < files.seconds(files.own_services()[name]["healthcheck"]["timeout"])


@pytest.mark.parametrize("place", ["docker-compose.yml", "Kubernetes"])
def test_each_is_looked_for_where_it_listens(place: str) -> None:
    if place == "Kubernetes":
        commands = files.container_commands()
    else:
        commands = {name: files.service_command(name) for name in files.own_services()}
    listens = {
        name: commands[name].option("--listen").rpartition(":")[2]
        for name in ("server", "web", "gateway")
    }
    assert commands["web"].option("--worker") == f"server:{listens['server']}"
    assert commands["gateway"].option("--worker") == f"server:{listens['server']}"
    assert commands["gateway"].option("--web") == f"web:{listens['web']}"
    assert len(set(listens.values())) == 3


def test_workers_tell_what_there_is_only_when_asked_to() -> None:
    assert not told(files.service_command("server"))[1]["reflection"]


def test_both_places_run_the_same() -> None:
    in_containers = {name: each.words for name, each in files.container_commands().items()}
    services = {name: files.service_command(name).words for name in files.own_services()}
    assert in_containers == services


def test_every_variable_is_a_setting() -> None:
    named = {
        *files.literals(),
        *(name.upper() for name in files.example_secret()),
        *files.fly()["env"],
        *(
            variable["key"]
            for service in files.render()["services"]
            for variable in service["envVars"]
        ),
        *(
            variable["name"]
            for deployment in files.manifests("Deployment")
            for container in files.containers_of(deployment)
            for variable in container.get("env", [])
        ),
        *(
            secret.upper()
            for each in files.own_services().values()
            for secret in each.get("secrets", [])
        ),
        *(name for each in files.own_services().values() for name in each.get("environment", {})),
    }
    # Render's own.
    assert named - {"PORT"} <= files.settings()
    assert {"DATABASE_URL", "JWT_SECRET_KEY", "DRAIN_SECONDS", "TRUSTED_PROXIES"} <= named


def test_no_secret_is_said_in_the_clear() -> None:
    """But for what is obviously none, in the example."""
    variables = {
        **files.literals(),
        **files.fly()["env"],
        **{
            variable["key"]: variable["value"]
            for service in files.render()["services"]
            for variable in service["envVars"]
            if "value" in variable
        },
        **{
            name: value
            for service in files.compose()["services"].values()
            for name, value in service.get("environment", {}).items()
        },
    }
    assert [name for name in variables if files.SECRET.search(name)] == []
    for value in files.example_secret().values():
        assert value == "" or any(word in value for word in ("PASSWORD", "OUTPUT"))


def test_no_secret_is_kept_in_git_or_gets_into_the_image() -> None:
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert not any("secrets" in line for line in ignored if line.startswith("!"))
