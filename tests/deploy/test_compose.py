"""docker-compose.yml: who sees whom and what, how much each may take, and how each stops."""

import re

import pytest
import yaml

from server.libraries.common.paths import ROOT
from server.libraries.rpc.server import STOP_GRACE_SECONDS
from server.libraries.settings import Settings
from server.programs.gateway.drain import GRACE_SECONDS
from server.programs.gateway.memory_limit import ALONE, MAX_HEAP_BYTES
from tests.deploy import files

COMPOSE = files.compose()
SERVICES = COMPOSE["services"]
DRAIN_SECONDS = float(Settings.model_fields["drain_seconds"].default)
LONG_LIVED = ["server", "web", "gateway"]


def test_only_the_gateway_is_published() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"gateway"}
    listens = files.service_command("gateway").option("--listen").rpartition(":")[2]
    assert SERVICES["gateway"]["ports"] == [f"8080:{listens}"]


def test_the_database_is_on_a_network_of_its_own() -> None:
    assert COMPOSE["networks"]["database"] == {"internal": True}
    there = {name for name, service in SERVICES.items() if "database" in service["networks"]}
    assert there == {"postgres", "migrate", "server"}
    assert SERVICES["postgres"]["networks"] == SERVICES["migrate"]["networks"] == ["database"]


def test_secrets_are_files_that_only_those_see_who_need_them() -> None:
    assert COMPOSE["secrets"] == {
        name: {"file": f"./secrets/{name}"} for name in COMPOSE["secrets"]
    }
    seen = {name: set(service.get("secrets", [])) for name, service in SERVICES.items()}
    assert seen["postgres"] == {"postgres_password"}
    assert seen["migrate"] == {"database_url"}
    assert seen["web"] == seen["gateway"] == set()
    assert seen["postgres"] | seen["server"] == set(COMPOSE["secrets"])
    password_file = SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"]
    assert password_file == "/run/secrets/postgres_password"


def test_the_commands_at_its_top_make_every_secret() -> None:
    made = set(re.findall(r"secrets/(\w+)", "\n".join(files.comment_of_compose())))
    assert made == set(COMPOSE["secrets"])


def test_each_waits_until_what_it_needs_is_well() -> None:
    waits = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert waits == {
        "postgres": {},
        "migrate": {"postgres": "service_healthy"},
        "server": {
            "postgres": "service_healthy",
            "migrate": "service_completed_successfully",
        },
        "web": {"server": "service_healthy"},
        "gateway": {"server": "service_healthy", "web": "service_healthy"},
    }
    asked = {name for name, service in SERVICES.items() if "test" in service["healthcheck"]}
    assert asked == set(SERVICES) - {"migrate"}


def test_each_is_started_again_and_bounded() -> None:
    for name, service in SERVICES.items():
        assert service["restart"] == ("on-failure:5" if name == "migrate" else "unless-stopped")
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


def test_ours_may_do_nothing_and_write_nowhere_but_in_tmp() -> None:
    for service in files.own_services().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [place.partition(":")[0] for place in service["tmpfs"]] == ["/tmp"]
        assert "volumes" not in service and "privileged" not in service


def test_what_is_stored_is_in_a_volume_with_a_name() -> None:
    # PostgreSQL 18 keeps a folder for each of its major versions below this one.
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert "postgres" in COMPOSE["volumes"]


def test_a_worker_has_time_to_drain() -> None:
    needed = DRAIN_SECONDS + STOP_GRACE_SECONDS
    assert files.seconds(SERVICES["server"]["stop_grace_period"]) >= needed + 5


def test_the_gateway_has_time_to_drain() -> None:
    needed = DRAIN_SECONDS + GRACE_SECONDS
    assert files.seconds(SERVICES["gateway"]["stop_grace_period"]) >= needed + 5


@pytest.mark.parametrize("memory", ["docker-compose.yml", "Kubernetes"])
def test_envoy_may_have_all_the_memory_that_is_of_use(memory: str) -> None:
    if memory == "Kubernetes":
        [gateway] = files.containers_of(files.manifest("Deployment", "gateway"))
        limit = gateway["resources"]["limits"]["memory"]
    else:
        limit = SERVICES["gateway"]["deploy"]["resources"]["limits"]["memory"]
    assert round(files.byte_count(limit) * ALONE) >= MAX_HEAP_BYTES


def test_no_key_of_yaml_is_said_twice() -> None:
    """Which would be read as the last one, without a word."""
    documents = [ROOT / "docker-compose.yml", ROOT / "deploy" / "render.yaml"]
    for path in [*documents, *files.KUBERNETES.glob("*.yaml")]:
        for node in yaml.compose_all(path.read_text()):
            assert twice_in(node) == [], path


def twice_in(node: yaml.Node) -> list[str]:
    """The keys that are said more than once in a mapping, at any depth."""
    if isinstance(node, yaml.SequenceNode):
        return [key for item in node.value for key in twice_in(item)]
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [key.value for key, _ in node.value]
    below = [key for _, value in node.value for key in twice_in(value)]
    return [key for key in keys if keys.count(key) > 1] + below
