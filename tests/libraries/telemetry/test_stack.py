"""The metrics of a whole house: of Envoy, of the workers behind it, and of the web process."""

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
from tests.libraries.telemetry.conftest import WEB_KEY, Places
from tests.libraries.telemetry.scrape import Scrape, scrape
from tests.programs.gateway.processes import eventually
from tests.programs.web.client import Signal
from tests.support.ports import free_ports

CALLS = 20


def test_every_process_counts_its_own(places: Places) -> None:
    assert len(places.workers) == 2
    before = places.scrape()
    front_door = {"envoy_http_conn_manager_prefix": "front_door", "envoy_response_code_class": "4"}
    name = "envoy_http_downstream_rq_xx"
    answered = scrape(places.envoy).value(name, **front_door)
    method = "gymlocker.v2.UserService/GetUser"
    counted = sum(_not_found(url, method) for url in places.workers)
    somebody = uuid4()
    with httpx2.Client(base_url=places.stack.url, timeout=20, verify=False) as client:
        for _ in range(CALLS):
            assert client.get(f"/user/{somebody}").status_code == 404
    # A call has ended a moment after its caller has the status.
    eventually(
        lambda: sum(_not_found(url, method) for url in places.workers) == counted + CALLS,
        "each call is counted",
    )
    assert scrape(places.envoy).value(name, **front_door) == answered + CALLS
    after = places.scrape()
    assert str(somebody) not in after.text
    # What anybody called in between has no part in any name or label.
    assert before.names <= after.names


def _not_found(url: str, method: str) -> float:
    found = scrape(url).values("gymlocker_calls_total", "method", "code")
    return found.get((method, "NOT_FOUND"), 0)


async def test_the_web_process_counts_connections(places: Places) -> None:
    url = f"ws://{places.stack.address}/ai-chat-v2?access_token=Web%20{WEB_KEY}"
    async with connect(url) as socket:
        await Signal(socket).shake_hands()
        during = await asyncio.to_thread(scrape, places.web)
    assert during.values("gymlocker_web_connections", "hub") == {("/ai-chat-v2",): 1}
    ended = "gymlocker_web_connections_ended_total"

    def has_ended() -> bool:
        return ("/ai-chat-v2", "left") in scrape(places.web).values(ended, "hub", "ending")

    await asyncio.to_thread(eventually, has_ended, "the connection is counted")
    after = await asyncio.to_thread(scrape, places.web)
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
def test_of_the_admin_nothing_else_is_shown(places: Places, verb: str, path: str) -> None:
    parts = urlsplit(places.envoy)
    url = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    assert httpx2.request(verb, url, verify=False).status_code == 404


def test_the_front_door_shows_no_metrics(places: Places) -> None:
    for path in ("/metrics", "/stats/prometheus"):
        assert httpx2.get(places.stack.url + path, verify=False).status_code == 404


def test_a_port_that_is_taken_is_said() -> None:
    first = free_ports(3)
    with (
        socket.create_server(("127.0.0.1", first + 1)),
        pytest.raises(StartError, match=f"Port {first + 1} .*--metrics-port"),
    ):
        metrics_addresses(UpOptions(workers=1, metrics_port=first))


def test_each_process_has_the_next_port() -> None:
    first = free_ports(4)
    found = metrics_addresses(UpOptions(workers=2, metrics_port=first))
    assert found
    places = (found.envoy, found.web, *found.workers)
    assert places == tuple(f"127.0.0.1:{first + number}" for number in range(4))


def test_ports_may_run_out() -> None:
    with pytest.raises(StartError, match="choose a lower --metrics-port"):
        metrics_addresses(UpOptions(workers=1, metrics_port=65534))


def test_a_trace_goes_on_through_envoy_and_rest(places: Places, collector: Collector) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace}-{parent}-01", "x-request-id": "over-rest"}
    reply = httpx2.get(f"{places.stack.url}/user/canary-lookup", headers=headers, verify=False)
    assert reply.status_code == 404
    span = collector.span("over-rest")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (trace, parent)
    assert span.name == "gymlocker.v2.UserService/GetUser"
    assert b"canary-lookup" not in b"".join(collector.bodies)


def test_a_trace_goes_on_through_the_web_process(places: Places, collector: Collector) -> None:
    trace, parent = "1af7651916cd43dd8448eb211c80319c", "c7ad6b7169203331"
    headers = {
        "traceparent": f"00-{trace}-{parent}-01",
        "x-request-id": "over-signalr",
        "authorization": f"Web {WEB_KEY}",
    }
    url = f"{places.stack.url}/ai-chat-v2/negotiate"
    assert httpx2.post(url, headers=headers, verify=False).status_code == 200
    span = collector.span("over-signalr")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (trace, parent)
    assert span.name == "gymlocker.v2.AiService/GetQuota"


def test_the_library_is_loaded_only_where_there_is_a_collector() -> None:
    code = (
        "import server.programs.worker.main, sys;"
        "sys.exit(any('opentelemetry' in name for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_openmetrics_is_spoken_with_who_asks_for_it(places: Places) -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    reply = httpx2.get(places.workers[0], headers=accept, verify=False)
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    parse: Any = text_string_to_metric_families
    names = {family.name for family in parse(reply.text)}
    assert {"gymlocker_calls", "gymlocker_call_seconds"} <= names


def test_a_worker_says_what_it_is(places: Places) -> None:
    def said() -> Scrape | None:
        found = scrape(places.workers[0])
        return found if found.value("gymlocker_event_loop_lag_seconds_count") > 0 else None

    found = eventually(said, "the event loop's lag is measured")
    assert found.value("gymlocker_build_info", version="0.2.0") == 1
    assert found.value("process_resident_memory_bytes") > 10_000_000
    assert found.value("process_open_fds") > 5
    assert found.value("process_start_time_seconds") > 0
    assert found.value("process_cpu_seconds_total") > 0
