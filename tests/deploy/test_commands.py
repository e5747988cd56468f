"""Commands and settings in deployment files: `gymlocker` must accept them."""

from pathlib import Path
from typing import Any

import pytest
import typer

from server.libraries.common.paths import ROOT
from server.programs.cli.app import app
from tests.deploy import files
from tests.deploy.files import Command


def parsed(command: Command) -> tuple[str, dict[str, Any]]:
    """Parse a command with the real command line; return the subcommand and its parameters."""
    group = typer.main.get_command(app)
    context = group.make_context("gymlocker", list(command.words))
    name, subcommand, rest = group.resolve_command(context, list(command.words))  # type: ignore[attr-defined]
    return name, subcommand.make_context(name, rest, parent=context).params


class TestCommands:
    @pytest.mark.parametrize("command", list(files.commands()), ids=str)
    def test_are_accepted(self, command: Command) -> None:
        name, _ = parsed(command)
        assert name == command.words[0]

    def test_unknown_option_is_rejected(self) -> None:
        with pytest.raises(Exception, match="--port"):
            parsed(Command("here", ("serve", "--listen", "0.0.0.0:9090", "--port", "1")))

    def test_image_listens_on_all_addresses_and_writes_to_its_volume(self) -> None:
        name, options = parsed(files.image_command())
        assert (name, options["host"], options["data_dir"]) == (
            "up",
            "0.0.0.0",
            Path("/data"),
        )
        assert files.instructions("EXPOSE") == [str(options["port"])]
        assert parsed(files.health_of_image())[1]["address"] == f"127.0.0.1:{options['port']}"

    @pytest.mark.parametrize("name", ["server", "web", "gateway"])
    def test_health_check_uses_the_listening_port(self, name: str) -> None:
        port = files.service_command(name).option("--listen").rpartition(":")[2]
        _, options = parsed(files.health_of_service(name))
        assert options["address"] == f"127.0.0.1:{port}"
        assert options["http"] == (name == "web")
        assert options["timeout"] < files.seconds(
            files.own_services()[name]["healthcheck"]["timeout"]
        )

    @pytest.mark.parametrize("place", ["Compose", "Kubernetes"])
    def test_services_connect_to_listening_ports(self, place: str) -> None:
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

    def test_reflection_is_off(self) -> None:
        assert not parsed(files.service_command("server"))[1]["reflection"]

    def test_compose_and_kubernetes_run_the_same_commands(self) -> None:
        in_containers = {name: each.words for name, each in files.container_commands().items()}
        services = {name: files.service_command(name).words for name in files.own_services()}
        assert in_containers == services


class TestSettings:
    def test_every_variable_is_a_setting(self) -> None:
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
            *(
                name
                for each in files.own_services().values()
                for name in each.get("environment", {})
            ),
        }
        # Render sets PORT itself.
        assert named - {"PORT"} <= files.settings()
        assert {"DATABASE_URL", "JWT_SECRET_KEY", "DRAIN_SECONDS", "TRUSTED_PROXIES"} <= named


class TestSecrets:
    def test_are_not_in_plain_variables(self) -> None:
        """Obvious placeholders in the example are allowed."""
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

    def test_are_excluded_from_git_and_image(self) -> None:
        assert {"/secrets/", "/deploy/compose/secrets/"} <= set(
            (ROOT / ".gitignore").read_text().splitlines()
        )
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        assert next(line for line in ignored if not line.startswith("#")) == "*"
        assert not any("secrets" in line for line in ignored if line.startswith("!"))
