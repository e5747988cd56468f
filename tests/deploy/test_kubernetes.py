"""deploy/kubernetes: updates without failed calls, probes, permissions and network policies."""

from typing import Any

import pytest

from server.libraries.limits.transfers import MAX_TRANSFERS
from server.libraries.rpc.server import STOP_GRACE_SECONDS
from server.libraries.settings import Settings
from server.libraries.settings.backups import BackupSettings
from server.programs.gateway.drain import GRACE_SECONDS
from server.services.workout.formats.liftlog.sandbox import MAX_DATABASE_BYTES
from server.services.workout.importer import MAX_COMPRESSED_BYTES
from tests.deploy import files

COMPONENT = "app.kubernetes.io/component"
DEPLOYMENTS = ["server", "web", "gateway"]
# Maximum time to live of cluster DNS, and Envoy's refresh interval.
DNS_SECONDS = 30 + 5
# Time for a load balancer to check again and act on the result.
LOAD_BALANCER_SECONDS = 30
# PostgreSQL's max_connections without superuser_reserved_connections.
CONNECTIONS = 100 - 3


def pods(name: str) -> dict[str, Any]:
    return files.pod_of(files.manifest("Deployment", name))


def container(name: str) -> dict[str, Any]:
    [found] = pods(name)["containers"]
    return dict(found)


def port_of(name: str) -> int:
    return int(files.container_commands()[name].option("--listen").rpartition(":")[2])


def ports(rule: dict[str, Any]) -> list[int]:
    return [each["port"] for each in rule["ports"]]


def peers(rule: dict[str, Any], side: str) -> list[str]:
    return [each["podSelector"]["matchLabels"][COMPONENT] for each in rule.get(side, [])]


class TestKustomization:
    def test_includes_every_file_except_the_example(self) -> None:
        present = {path.name for path in files.KUBERNETES.glob("*.yaml")}
        assert present - {*files.kustomization()["resources"]} == {
            "kustomization.yaml",
            files.EXAMPLE,
        }


class TestRollout:
    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_replaces_a_pod_after_its_successor_is_ready(self, name: str) -> None:
        spec = files.manifest("Deployment", name)["spec"]
        assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container(name))

    @pytest.mark.parametrize("name", ["server", "web"])
    def test_waits_until_clients_resolve_the_new_pod(self, name: str) -> None:
        assert files.manifest("Deployment", name)["spec"]["minReadySeconds"] > DNS_SECONDS

    def test_worker_has_time_to_drain(self) -> None:
        needed = float(files.literals()["DRAIN_SECONDS"]) + STOP_GRACE_SECONDS
        assert pods("server")["terminationGracePeriodSeconds"] >= needed + 5
        # The readiness probe fails during the drain, and the liveness probe only after it.
        probe = container("server")["readinessProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] <= float(
            files.literals()["DRAIN_SECONDS"]
        )
        alive = container("server")["livenessProbe"]
        assert alive["periodSeconds"] * alive["failureThreshold"] > needed

    def test_web_process_waits_until_clients_forget_it(self) -> None:
        sleep = container("web")["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert sleep > DNS_SECONDS
        assert pods("web")["terminationGracePeriodSeconds"] >= sleep + 10

    def test_gateway_drains_until_load_balancers_react(self) -> None:
        [drain] = container("gateway")["env"]
        assert drain["name"] == "DRAIN_SECONDS"
        assert int(drain["value"]) > LOAD_BALANCER_SECONDS
        needed = int(drain["value"]) + GRACE_SECONDS
        assert pods("gateway")["terminationGracePeriodSeconds"] >= needed + 5


class TestProbes:
    def test_use_the_listening_port(self) -> None:
        for name in DEPLOYMENTS:
            [port] = container(name)["ports"]
            assert port["containerPort"] == port_of(name)
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container(name)[kind]
                target = next(
                    probe[how] for how in ("grpc", "tcpSocket", "httpGet") if how in probe
                )
                assert target["port"] in (port["name"], port_of(name))
                # A grpc probe accepts no port name.
                assert "grpc" not in probe or probe["grpc"]["port"] == port_of(name)

    def test_web_process_has_http_probes(self) -> None:
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container("web")[kind]["httpGet"]["path"] == "/health"


class TestServices:
    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_select_their_pods(self, name: str) -> None:
        service = files.manifest("Service", name)["spec"]
        labels = files.manifest("Deployment", name)["spec"]["template"]["metadata"]["labels"]
        assert service["selector"] == labels == {COMPONENT: name}
        assert files.manifest("Deployment", name)["spec"]["selector"]["matchLabels"] == labels
        [port] = container(name)["ports"]
        assert {each["targetPort"] for each in service["ports"]} == {port["name"]}
        # Envoy and the web process resolve every pod and balance calls themselves.
        assert service.get("clusterIP") == (None if name == "gateway" else "None")
        if name != "gateway":
            assert [each["port"] for each in service["ports"]] == [port_of(name)]


class TestPods:
    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_have_no_privileges(self, name: str) -> None:
        pod = pods(name)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for each in files.containers_of(files.manifest("Deployment", name)):
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(each["resources"]["requests"])
            assert "memory" in each["resources"]["limits"]
            assert "/tmp" in {mount["mountPath"] for mount in each["volumeMounts"]}
        enforced = files.manifest("Namespace", "gymlocker")["metadata"]["labels"]
        assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"

    def test_of_workers_have_room_for_all_files(self) -> None:
        volumes = {each["name"]: each.get("emptyDir") for each in pods("server")["volumes"]}
        backup_bytes = BackupSettings.model_fields["backup_max_mebibytes"].default * 1024**2
        needed = MAX_TRANSFERS * (MAX_COMPRESSED_BYTES + backup_bytes) + MAX_DATABASE_BYTES
        assert "medium" not in volumes["tmp"]
        assert files.byte_count(volumes["tmp"]["sizeLimit"]) > needed

    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_are_spread_and_evicted_one_by_one(self, name: str) -> None:
        for constraint in pods(name)["topologySpreadConstraints"]:
            assert constraint["labelSelector"]["matchLabels"] == {COMPONENT: name}
        budget = files.manifest("PodDisruptionBudget", name)["spec"]
        assert budget["selector"]["matchLabels"] == {COMPONENT: name}
        assert budget["maxUnavailable"] == 1


class TestScaling:
    @pytest.mark.parametrize("name", ["server", "gateway"])
    def test_autoscaled_deployments_have_no_fixed_replicas(self, name: str) -> None:
        scaler = files.manifest("HorizontalPodAutoscaler", name)["spec"]
        assert scaler["scaleTargetRef"] == {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": name,
        }
        assert scaler["minReplicas"] >= 2
        assert "replicas" not in files.manifest("Deployment", name)["spec"]

    def test_postgresql_has_connections_for_all_workers_during_an_update(self) -> None:
        maximum = files.manifest("HorizontalPodAutoscaler", "server")["spec"]["maxReplicas"]
        surge = files.manifest("Deployment", "server")["spec"]["strategy"]["rollingUpdate"][
            "maxSurge"
        ]
        size = files.literals().get(
            "DATABASE_POOL_SIZE", Settings.model_fields["database_pool_size"].default
        )
        # And one for hints.
        assert (maximum + surge) * (int(size) + 1) < CONNECTIONS


class TestSecrets:
    def test_are_mounted_by_workers_only(self) -> None:
        secret = {volume["name"]: volume.get("secret") for volume in pods("server")["volumes"]}
        assert secret["secrets"]["secretName"] == "gymlocker"
        for each in files.containers_of(files.manifest("Deployment", "server")):
            mounted = {mount["name"]: mount["mountPath"] for mount in each["volumeMounts"]}
            assert each["env"] == [{"name": "SECRETS_DIR", "value": mounted["secrets"]}]
        for name in ("web", "gateway"):
            assert not any("secret" in volume for volume in pods(name)["volumes"])


class TestNetworkPolicies:
    def test_deny_all_traffic_by_default(self) -> None:
        deny = files.manifest("NetworkPolicy", "default-deny")["spec"]
        assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    def test_allow_the_connections_of_the_commands(self) -> None:
        rules = {
            each["metadata"]["name"]: each["spec"] for each in files.manifests("NetworkPolicy")
        }
        for name in DEPLOYMENTS:
            assert rules[name]["podSelector"]["matchLabels"] == {COMPONENT: name}
        into = {
            name: [(sorted(peers(rule, "from")), ports(rule)) for rule in rules[name]["ingress"]]
            for name in DEPLOYMENTS
        }
        assert into == {
            "server": [(["gateway", "web"], [port_of("server")])],
            "web": [(["gateway"], [port_of("web")])],
            # From any source.
            "gateway": [([], [port_of("gateway")])],
        }
        out_of = {
            name: [(peers(rule, "to"), ports(rule)) for rule in rules[name]["egress"]]
            for name in DEPLOYMENTS
        }
        assert out_of == {
            "server": [([], [5432]), ([], [443])],
            "web": [(["server"], [port_of("server")])],
            "gateway": [(["server"], [port_of("server")]), (["web"], [port_of("web")])],
        }

    def test_only_workers_reach_postgresql(self) -> None:
        reaching = {
            policy["metadata"]["name"]
            for policy in files.manifests("NetworkPolicy")
            for rule in policy["spec"].get("egress", [])
            if 5432 in ports(rule)
        }
        assert reaching == {"server"}
