"""docker-compose.yml, with its additions in deploy/compose."""

import json
import re
import subprocess
from typing import Any

import pytest

from server.libraries.common.paths import ROOT
from server.services.workout.formats.liftlog.sandbox import MAX_DATABASE_BYTES
from server.services.workout.importer import MAX_COMPRESSED_BYTES
from tests.deploy import files
from tests.support.tools import require

ADDITIONS = ROOT / "deploy" / "compose"
SERVICE = files.household()
# Those of production.yml.
OTHERS = {"production", "production-backups", "external-postgres"}
NAMES = sorted({path.stem for path in ADDITIONS.glob("*.yml")} - OTHERS)


def merged(*names: str) -> dict[str, Any]:
    """Return compose files merged and checked by the reference implementation of Compose."""
    require("compose-go")
    done = subprocess.run(
        ["compose-go", "-no-interpolation", "-format", "json", *names],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    model: dict[str, Any] = json.loads(done.stdout)
    return model


def with_addition(name: str) -> dict[str, Any]:
    return merged("docker-compose.yml", f"deploy/compose/{name}.yml")


def image_of(service: dict[str, Any]) -> str:
    return str(service["image"])


class TestService:
    def test_needs_no_setting(self) -> None:
        """Compose starts it as it stands: each variable has a default, each file is optional."""
        text = files.HOUSEHOLD.read_text()
        assert re.findall(r"\$\{[^}]*\}", text) == re.findall(r"\$\{[A-Z_]+:-[^}]+\}", text)
        assert [each["required"] for each in SERVICE["env_file"]] == [False]
        assert not {"secrets", "depends_on"} & set(SERVICE)
        assert merged("docker-compose.yml")["volumes"]["data"]["name"] == "gymlocker_data"

    def test_writes_only_to_volume_and_tmp(self) -> None:
        data = files.household_command().option("--data-dir")
        assert SERVICE["volumes"] == [f"${{GYMLOCKER_DATA:-data}}:{data}"]
        assert SERVICE["read_only"] is True
        assert [place.partition(":")[0] for place in SERVICE["tmpfs"]] == ["/tmp"]
        assert f"install -d -o 10001 -g 10001 -m 700 {data}" in files.instructions("RUN")

    def test_tmp_has_room_for_an_import(self) -> None:
        limit = files.byte_count(SERVICE["deploy"]["resources"]["limits"]["memory"])
        assert MAX_COMPRESSED_BYTES + MAX_DATABASE_BYTES < files.tmp_bytes(SERVICE) < limit

    def test_has_no_rights_and_the_user_of_the_image(self) -> None:
        assert (SERVICE["cap_drop"], SERVICE["security_opt"]) == (
            ["ALL"],
            ["no-new-privileges:true"],
        )
        defaults = re.findall(r":-(\d+)\}", SERVICE["user"])
        assert files.instructions("USER") == [":".join(defaults)]

    def test_publishes_the_port_of_the_image(self) -> None:
        port = files.image_command().option("--port")
        assert SERVICE["ports"] == [
            f"${{GYMLOCKER_ADDRESS:-0.0.0.0}}:${{GYMLOCKER_PORT:-8080}}:{port}"
        ]
        assert files.household_health().option("--address") == f"127.0.0.1:{port}"

    def test_fits_a_small_machine(self) -> None:
        limits = SERVICE["deploy"]["resources"]["limits"]
        # Docker refuses a limit of CPUs that is higher than the number of cores.
        assert set(limits) == {"memory", "pids"}
        assert files.byte_count(limits["memory"]) <= 1024**3
        assert files.household_command().option("--workers") == "1"


class TestAdditions:
    @pytest.mark.parametrize("name", NAMES)
    def test_are_accepted_by_compose(self, name: str) -> None:
        model = with_addition(name)
        assert image_of(model["services"]["gymlocker"]) == SERVICE["image"]
        for other, service in model["services"].items():
            assert service["restart"] == "unless-stopped", other
            assert service["cap_drop"] == ["ALL"] and service["read_only"] is True, other
            assert re.search(r":v?\d+\.\d+\.\d+", image_of(service)), other
            assert {"memory", "pids"} <= set(service["deploy"]["resources"]["limits"]), other

    def test_caddy_is_the_only_way_in(self) -> None:
        services = with_addition("caddy")["services"]
        assert "ports" not in services["gymlocker"]
        # It would otherwise count all clients as one.
        assert services["gymlocker"]["environment"] == {"TRUSTED_PROXIES": "1"}
        published = {(each["published"], each["protocol"]) for each in services["caddy"]["ports"]}
        assert published == {("80", "tcp"), ("443", "tcp"), ("443", "udp")}
        [mounted] = [each for each in services["caddy"]["volumes"] if each["type"] == "bind"]
        assert mounted["source"] == str(ROOT / "deploy" / "proxies" / "Caddyfile")

    def test_prometheus_reaches_the_metrics(self) -> None:
        services = with_addition("metrics")["services"]
        command = files.Command("metrics.yml", tuple(services["gymlocker"]["command"]))
        assert command.words[: len(SERVICE["command"])] == tuple(SERVICE["command"])
        # The metrics listen on the loopback interface.
        assert services["prometheus"]["network_mode"] == "service:gymlocker"
        [config] = files.documents(ROOT / "deploy" / "observability" / "prometheus.yml")
        targets = [
            target
            for job in config["scrape_configs"]
            for each in job["static_configs"]
            for target in each["targets"]
        ]
        # Envoy, the web process and one worker.
        first = int(command.option("--metrics-port"))
        assert targets == [f"127.0.0.1:{first + number}" for number in range(3)]

    def test_secrets_are_read_from_their_folder(self) -> None:
        [*_, mounted] = with_addition("secrets")["services"]["gymlocker"]["volumes"]
        assert (mounted["source"], mounted["target"]) == (str(ROOT / "secrets"), "/run/secrets")
        assert mounted["read_only"] is True

    def test_backups_require_a_bucket(self) -> None:
        environment = with_addition("s3")["services"]["gymlocker"]["environment"]
        assert set(environment) == {"BACKUP_STORE"} <= files.settings()
        assert environment["BACKUP_STORE"].startswith("${BACKUP_STORE:?")


class TestProductionBackups:
    def test_give_workers_the_keys(self) -> None:
        names = ("production.yml", "production-backups.yml")
        model = merged(*(f"deploy/compose/{name}" for name in names))
        server = model["services"]["server"]
        mounted = {each["source"] for each in server["secrets"]}
        assert set(files.own_services()["server"]["secrets"]) < mounted <= set(model["secrets"])
        assert {name.upper() for name in mounted - {"backup_age_identity"}} <= files.settings()
        assert {*server["environment"]} <= files.settings()
        assert (
            server["environment"]["BACKUP_AGE_IDENTITY_FILE"] == "/run/secrets/backup_age_identity"
        )


class TestExternalPostgres:
    def test_replaces_the_container(self) -> None:
        names = ("production.yml", "external-postgres.yml")
        model = merged(*(f"deploy/compose/{name}" for name in names))
        assert "postgres" not in model["services"]
        assert "depends_on" not in model["services"]["migrate"]
        assert set(model["services"]["server"]["depends_on"]) == {"migrate"}
        for name in ("migrate", "server"):
            service = model["services"][name]
            assert service["extra_hosts"] == ["host.docker.internal:host-gateway"]
            outward = [
                net for net in service["networks"] if not model["networks"][net].get("internal")
            ]
            assert outward == ["inside"]
