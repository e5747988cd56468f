"""Metrics and traces of a whole stack: Envoy, the workers behind it, and the web process."""

import asyncio
import socket
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from server.errors import StartError
from server.programs.local.options import UpOptions, metrics_addresses
from tests.libraries.telemetry.collector import Collector
from tests.libraries.telemetry.conftest import WEB_KEY, ObservedStack
from tests.libraries.telemetry.scrape import Scrape, scrape
from tests.programs.gateway.processes import eventually
from tests.programs.web.client import Signal
from tests.support.ports import free_ports

pytestmark = pytest.mark.extended

CALLS = 20


def test_envoy_and_workers_count_each_call(observed: ObservedStack) -> None:
    assert len(observed.workers) == 2
    before = observed.scrape()
    front_door = {"envoy_http_conn_manager_prefix": "front_door", "envoy_response_code_class": "4"}
    name = "envoy_http_downstream_rq_xx"
    answered = scrape(observed.envoy).value(name, **front_door)
    method = "gymlocker.v2.UserService/GetUser"
    counted = sum(_not_found(url, method) for url in observed.workers)
    user_id = uuid4()
    with httpx2.Client(base_url=observed.stack.url, timeout=20, verify=False) as client:
        for _ in range(CALLS):
            assert client.get(f"/user/{user_id}").status_code == 404
    # A call ends shortly after its client has the status.
    eventually(
        lambda: sum(_not_found(url, method) for url in observed.workers) == counted + CALLS,
        "all calls are counted",
    )
    assert scrape(observed.envoy).value(name, **front_door) == answered + CALLS
    after = observed.scrape()
    assert str(user_id) not in after.text
    # Calls must not add names or labels.
    assert before.names <= after.names


def _not_found(url: str, method: str) -> float:
    found = scrape(url).values("gymlocker_calls_total", "method", "code")
    return found.get((method, "NOT_FOUND"), 0)


async def test_web_process_counts_connections(observed: ObservedStack) -> None:
    url = f"ws://{observed.stack.address}/ai-chat-v2?access_token=Web%20{WEB_KEY}"
    async with connect(url) as socket:
        await Signal(socket).shake_hands()
        during = await asyncio.to_thread(scrape, observed.web)
    assert during.values("gymlocker_web_connections", "hub") == {("/ai-chat-v2",): 1}
    ended = "gymlocker_web_connections_ended_total"

    def has_ended() -> bool:
        return ("/ai-chat-v2", "left") in scrape(observed.web).values(ended, "hub", "ending")

    await asyncio.to_thread(eventually, has_ended, "the connection is counted")
    after = await asyncio.to_thread(scrape, observed.web)
    assert after.values("gymlocker_web_connections", "hub") == {}
    assert after.value(ended, hub="/ai-chat-v2", ending="left") == 1
    assert after.value("gymlocker_build_info", version="0.2.0") == 1
    assert WEB_KEY not in after.text


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/"),
        ("GET", "/stats"),
        ("GET", "/config_dump"),
        ("GET", "/metrics/../config_dump"),
        ("GET", "//metrics"),
        ("POST", "/quitquitquit"),
        ("POST", "/metrics"),
    ],
)
def test_envoys_metrics_port_serves_nothing_else(
    observed: ObservedStack, verb: str, path: str
) -> None:
    parts = urlsplit(observed.envoy)
    url = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    assert httpx2.request(verb, url, verify=False).status_code == 404


def test_front_door_serves_no_metrics(observed: ObservedStack) -> None:
    for path in ("/metrics", "/stats/prometheus"):
        assert httpx2.get(observed.stack.url + path, verify=False).status_code == 404


def test_rejects_a_port_in_use() -> None:
    first = free_ports(3)
    with (
        socket.create_server(("127.0.0.1", first + 1)),
        pytest.raises(StartError, match=f"Port {first + 1} .*--metrics-port"),
    ):
        metrics_addresses(UpOptions(workers=1, metrics_port=first))


def test_processes_have_consecutive_ports() -> None:
    first = free_ports(4)
    found = metrics_addresses(UpOptions(workers=2, metrics_port=first))
    assert found
    addresses = (found.envoy, found.web, *found.workers)
    assert addresses == tuple(f"127.0.0.1:{first + number}" for number in range(4))


def test_rejects_ports_beyond_the_maximum() -> None:
    with pytest.raises(StartError, match="above --metrics-port: choose a lower one"):
        metrics_addresses(UpOptions(workers=1, metrics_port=65534))


def test_trace_continues_through_envoy_and_rest(
    observed: ObservedStack, collector: Collector
) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace}-{parent}-01", "x-request-id": "over-rest"}
    response = httpx2.get(f"{observed.stack.url}/user/canary-lookup", headers=headers, verify=False)
    assert response.status_code == 404
    span = collector.span("over-rest")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (trace, parent)
    assert span.name == "gymlocker.v2.UserService/GetUser"
    assert b"canary-lookup" not in b"".join(collector.bodies)


def test_trace_continues_through_the_web_process(
    observed: ObservedStack, collector: Collector
) -> None:
    trace, parent = "1af7651916cd43dd8448eb211c80319c", "c7ad6b7169203331"
    headers = {
        "traceparent": f"00-{trace}-{parent}-01",
        "x-request-id": "over-signalr",
        "authorization": f"Web {WEB_KEY}",
    }
    url = f"{observed.stack.url}/ai-chat-v2/negotiate"
    assert httpx2.post(url, headers=headers, verify=False).status_code == 200
    span = collector.span("over-signalr")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (trace, parent)
    assert span.name == "gymlocker.v2.AiService/GetQuota"


def test_imports_opentelemetry_only_with_a_collector() -> None:
    code = (
        "import server.programs.worker.main, sys;"
        "sys.exit(any('opentelemetry' in name for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_serves_openmetrics_if_accepted(observed: ObservedStack) -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    response = httpx2.get(observed.workers[0], headers=accept, verify=False)
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    parse: Any = text_string_to_metric_families
    names = {family.name for family in parse(response.text)}
    assert {"gymlocker_calls", "gymlocker_call_seconds"} <= names


def test_worker_exports_its_version_and_process_metrics(observed: ObservedStack) -> None:
    def measured() -> Scrape | None:
        found = scrape(observed.workers[0])
        return found if found.value("gymlocker_event_loop_lag_seconds_count") > 0 else None

    found = eventually(measured, "the event loop's lag is measured")
    assert found.value("gymlocker_build_info", version="0.2.0") == 1
    assert found.value("process_resident_memory_bytes") > 10_000_000
    assert found.value("process_open_fds") > 5
    assert found.value("process_start_time_seconds") > 0
    assert found.value("process_cpu_seconds_total") > 0
