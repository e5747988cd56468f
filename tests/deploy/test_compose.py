"""deploy/compose/production.yml: networks, secrets, limits, permissions and shutdown."""

import re

import pytest
import yaml

from server.libraries.common.paths import ROOT
from server.libraries.rpc.server import STOP_GRACE_SECONDS
from server.libraries.settings import Settings
from server.programs.diagnostics.configuration import GROUPS
from server.programs.gateway.drain import GRACE_SECONDS
from server.programs.gateway.memory_limit import ALONE, MAX_HEAP_BYTES
from server.services.workout.formats.liftlog.sandbox import MAX_DATABASE_BYTES
from server.services.workout.importer import MAX_COMPRESSED_BYTES
from tests.deploy import files

COMPOSE = files.compose()
SERVICES = COMPOSE["services"]
DRAIN_SECONDS = float(Settings.model_fields["drain_seconds"].default)
LONG_LIVED = ["server", "web", "gateway"]


def duplicate_keys(node: yaml.Node) -> list[str]:
    """Return the keys that occur more than once in a mapping, at any depth."""
    if isinstance(node, yaml.SequenceNode):
        return [key for item in node.value for key in duplicate_keys(item)]
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [key.value for key, _ in node.value]
    below = [key for _, value in node.value for key in duplicate_keys(value)]
    return [key for key in keys if keys.count(key) > 1] + below


def test_publishes_only_the_gateway() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"gateway"}
    listens = files.service_command("gateway").option("--listen").rpartition(":")[2]
    assert SERVICES["gateway"]["ports"] == [f"8080:{listens}"]


def test_database_has_its_own_network() -> None:
    assert COMPOSE["networks"]["database"] == {"internal": True}
    connected = {name for name, service in SERVICES.items() if "database" in service["networks"]}
    assert connected == {"postgres", "migrate", "server"}
    assert SERVICES["postgres"]["networks"] == ["database"]
    # The database may be elsewhere.
    assert {"inside"} <= {*SERVICES["migrate"]["networks"]} & {*SERVICES["server"]["networks"]}
    assert COMPOSE["networks"]["inside"] == {}


def test_services_see_only_the_secrets_they_need() -> None:
    assert COMPOSE["secrets"] == {
        name: {"file": f"./secrets/{name}"} for name in COMPOSE["secrets"]
    }
    secrets = {name: set(service.get("secrets", [])) for name, service in SERVICES.items()}
    assert secrets["postgres"] == {"postgres_password"}
    assert secrets["migrate"] == {"database_url"}
    assert secrets["web"] == secrets["gateway"] == set()
    assert secrets["postgres"] | secrets["server"] == set(COMPOSE["secrets"])
    password_file = SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"]
    assert password_file == "/run/secrets/postgres_password"


def test_every_secret_can_be_a_file() -> None:
    """Types mark the settings that are secret."""
    secret = {
        name
        for group in GROUPS
        for name, field in group.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    # production-backups.yml adds the first; with this file's PostgreSQL, nothing needs the second.
    assert secret - {"aws_secret_access_key", "nats_url"} <= set(SERVICES["server"]["secrets"])


def test_documented_commands_create_every_secret() -> None:
    made = set(re.findall(r"secrets/(\w+)", "\n".join(files.comment_of_compose())))
    assert made == set(COMPOSE["secrets"])


def test_services_wait_for_healthy_dependencies() -> None:
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
    checked = {name for name, service in SERVICES.items() if "test" in service["healthcheck"]}
    assert checked == set(SERVICES) - {"migrate"}


def test_services_restart_and_have_limits() -> None:
    for name, service in SERVICES.items():
        assert service["restart"] == ("on-failure:5" if name == "migrate" else "unless-stopped")
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


def test_own_services_have_no_rights_and_write_only_to_tmp() -> None:
    for service in files.own_services().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [place.partition(":")[0] for place in service["tmpfs"]] == ["/tmp"]
        assert "volumes" not in service and "privileged" not in service


def test_tmp_of_workers_has_room_for_an_import() -> None:
    server = SERVICES["server"]
    limit = files.byte_count(server["deploy"]["resources"]["limits"]["memory"])
    assert MAX_COMPRESSED_BYTES + MAX_DATABASE_BYTES < files.tmp_bytes(server) <= limit / 2


def test_database_uses_a_named_volume() -> None:
    # PostgreSQL 18 creates a folder per major version in this one.
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert "postgres" in COMPOSE["volumes"]


def test_worker_has_time_to_drain() -> None:
    needed = DRAIN_SECONDS + STOP_GRACE_SECONDS
    assert files.seconds(SERVICES["server"]["stop_grace_period"]) >= needed + 5


def test_gateway_has_time_to_drain() -> None:
    needed = DRAIN_SECONDS + GRACE_SECONDS
    assert files.seconds(SERVICES["gateway"]["stop_grace_period"]) >= needed + 5


@pytest.mark.parametrize("memory", ["Compose", "Kubernetes"])
def test_envoy_has_enough_memory_for_its_maximum_heap(memory: str) -> None:
    if memory == "Kubernetes":
        [gateway] = files.containers_of(files.manifest("Deployment", "gateway"))
        limit = gateway["resources"]["limits"]["memory"]
    else:
        limit = SERVICES["gateway"]["deploy"]["resources"]["limits"]["memory"]
    assert round(files.byte_count(limit) * ALONE) >= MAX_HEAP_BYTES


def test_yaml_has_no_duplicate_keys() -> None:
    """YAML parsers would silently use the last one."""
    documents = [files.HOUSEHOLD, ROOT / "deploy" / "render.yaml"]
    documents += (ROOT / "deploy" / "compose").glob("*.yml")
    for path in [*documents, *files.KUBERNETES.glob("*.yaml")]:
        for node in yaml.compose_all(path.read_text()):
            assert duplicate_keys(node) == [], path
