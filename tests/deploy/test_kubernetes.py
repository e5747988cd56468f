"""deploy/kubernetes: a change of version loses no call, and nobody may do more than needed."""

from typing import Any

import pytest

from server.libraries.rpc.server import STOP_GRACE_SECONDS
from server.libraries.settings import Settings
from server.programs.gateway.drain import GRACE_SECONDS
from tests.deploy import files

COMPONENT = "app.kubernetes.io/component"
DEPLOYMENTS = ["server", "web", "gateway"]
# How long an answer of cluster DNS is kept at the most, and how often Envoy asks for it.
DNS_SECONDS = 30 + 5
# What a load balancer may take to ask again and to believe the answer.
LOAD_BALANCER_SECONDS = 30
# Of PostgreSQL: max_connections without superuser_reserved_connections.
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


def test_every_file_is_put_together_but_for_the_example() -> None:
    there = {path.name for path in files.KUBERNETES.glob("*.yaml")}
    assert there - {*files.kustomization()["resources"]} == {"kustomization.yaml", files.EXAMPLE}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_an_old_pod_goes_when_a_new_one_is_there(name: str) -> None:
    spec = files.manifest("Deployment", name)["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container(name))


@pytest.mark.parametrize("name", ["server", "web"])
def test_an_old_pod_goes_when_the_new_one_is_known(name: str) -> None:
    assert files.manifest("Deployment", name)["spec"]["minReadySeconds"] > DNS_SECONDS


def test_a_worker_has_time_to_drain() -> None:
    needed = float(files.literals()["DRAIN_SECONDS"]) + STOP_GRACE_SECONDS
    assert pods("server")["terminationGracePeriodSeconds"] >= needed + 5
    # Kubernetes notices within the drain, and does not kill what drains.
    probe = container("server")["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] <= float(
        files.literals()["DRAIN_SECONDS"]
    )
    alive = container("server")["livenessProbe"]
    assert alive["periodSeconds"] * alive["failureThreshold"] > needed


def test_who_is_not_asked_how_it_is_waits_until_nobody_comes() -> None:
    sleep = container("web")["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert sleep > DNS_SECONDS
    assert pods("web")["terminationGracePeriodSeconds"] >= sleep + 10


def test_a_gateway_drains_until_load_balancers_have_noticed() -> None:
    [drain] = container("gateway")["env"]
    assert drain["name"] == "DRAIN_SECONDS"
    assert int(drain["value"]) > LOAD_BALANCER_SECONDS
    needed = int(drain["value"]) + GRACE_SECONDS
    assert pods("gateway")["terminationGracePeriodSeconds"] >= needed + 5


def test_probes_ask_where_each_listens() -> None:
    for name in DEPLOYMENTS:
        [port] = container(name)["ports"]
        assert port["containerPort"] == port_of(name)
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container(name)[kind]
            asked = next(probe[how] for how in ("grpc", "tcpSocket", "httpGet") if how in probe)
            assert asked["port"] in (port["name"], port_of(name))
            # A grpc probe takes no name.
            assert "grpc" not in probe or probe["grpc"]["port"] == port_of(name)


def test_the_web_process_says_how_it_is() -> None:
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container("web")[kind]["httpGet"]["path"] == "/health"


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_service_leads_to_its_pods(name: str) -> None:
    service = files.manifest("Service", name)["spec"]
    labels = files.manifest("Deployment", name)["spec"]["template"]["metadata"]["labels"]
    assert service["selector"] == labels == {COMPONENT: name}
    assert files.manifest("Deployment", name)["spec"]["selector"]["matchLabels"] == labels
    [port] = container(name)["ports"]
    assert {each["targetPort"] for each in service["ports"]} == {port["name"]}
    # Envoy and the web process see every pod, and spread calls themselves.
    assert service.get("clusterIP") == (None if name == "gateway" else "None")
    if name != "gateway":
        assert [each["port"] for each in service["ports"]] == [port_of(name)]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_no_right_is_asked_for(name: str) -> None:
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


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_pods_are_spread_and_evicted_one_by_one(name: str) -> None:
    for constraint in pods(name)["topologySpreadConstraints"]:
        assert constraint["labelSelector"]["matchLabels"] == {COMPONENT: name}
    budget = files.manifest("PodDisruptionBudget", name)["spec"]
    assert budget["selector"]["matchLabels"] == {COMPONENT: name}
    assert budget["maxUnavailable"] == 1


@pytest.mark.parametrize("name", ["server", "gateway"])
def test_who_is_scaled_by_load_has_no_fixed_number(name: str) -> None:
    scaler = files.manifest("HorizontalPodAutoscaler", name)["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    assert scaler["minReplicas"] >= 2
    assert "replicas" not in files.manifest("Deployment", name)["spec"]


def test_postgresql_has_connections_for_all_workers_during_an_update() -> None:
    most = files.manifest("HorizontalPodAutoscaler", "server")["spec"]["maxReplicas"]
    surge = files.manifest("Deployment", "server")["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    size = files.literals().get(
        "DATABASE_POOL_SIZE", Settings.model_fields["database_pool_size"].default
    )
    assert (most + surge) * int(size) < CONNECTIONS


def test_secrets_come_by_reference_and_to_workers_alone() -> None:
    secret = {volume["name"]: volume.get("secret") for volume in pods("server")["volumes"]}
    assert secret["secrets"]["secretName"] == "gymlocker"
    for each in files.containers_of(files.manifest("Deployment", "server")):
        mounted = {mount["name"]: mount["mountPath"] for mount in each["volumeMounts"]}
        assert each["env"] == [{"name": "SECRETS_DIR", "value": mounted["secrets"]}]
    for name in ("web", "gateway"):
        assert not any("secret" in volume for volume in pods(name)["volumes"])


def test_nobody_talks_to_anybody_but_by_a_policy() -> None:
    deny = files.manifest("NetworkPolicy", "default-deny")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_policies_let_through_what_the_commands_do() -> None:
    rules = {each["metadata"]["name"]: each["spec"] for each in files.manifests("NetworkPolicy")}
    for name in DEPLOYMENTS:
        assert rules[name]["podSelector"]["matchLabels"] == {COMPONENT: name}
    into = {
        name: [(sorted(peers(rule, "from")), ports(rule)) for rule in rules[name]["ingress"]]
        for name in DEPLOYMENTS
    }
    assert into == {
        "server": [(["gateway", "web"], [port_of("server")])],
        "web": [(["gateway"], [port_of("web")])],
        # From anywhere.
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


def test_only_workers_reach_postgresql() -> None:
    reaching = {
        policy["metadata"]["name"]
        for policy in files.manifests("NetworkPolicy")
        for rule in policy["spec"].get("egress", [])
        if 5432 in ports(rule)
    }
    assert reaching == {"server"}
