"""Spans of calls, as received by a collector."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from gymlocker.v2 import ai_pb2, auth_pb2, system_pb2, user_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.libraries.telemetry.collector import Collector, attributes, collecting
from tests.libraries.telemetry.conftest import WEB_KEY
from tests.libraries.telemetry.test_worker_metrics import refused
from tests.support.client import Client, bearer, event_of, with_password
from tests.support.ports import free_port
from tests.support.worker import health, serving

pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="session")]

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = ("traceparent", f"00-{TRACE}-{PARENT}-01")
# Attributes of the library and the service.
RESOURCE = {
    "service.name": "gymlocker",
    "service.version": "0.2.0",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
}
TIMEOUT = 60


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(
    collector: Collector, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client]:
    """Run a worker that exports traces, and return a client of it."""
    socket = tmp_path_factory.mktemp("traced") / "worker.sock"
    worker = serving(
        socket,
        database_url,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="50",
        WEB_AUTH_API_KEY=WEB_KEY,
    )
    async with worker, grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        assert await health(socket) == "ok"
        yield Client(channel)


async def span_of(collector: Collector, request_id: str) -> Span:
    return await asyncio.to_thread(collector.span, request_id)


async def test_exports_a_span_for_a_call(client: Client, collector: Collector) -> None:
    began = time.time_ns()
    metadata = [("x-request-id", "the-request")]
    await client.system.GetHealth(system_pb2.GetHealthRequest(), metadata=metadata)
    span = await span_of(collector, "the-request")
    assert span.name == "gymlocker.v2.SystemService/GetHealth"
    assert span.kind == Span.SPAN_KIND_SERVER
    assert attributes(span) == {
        "rpc.system": "grpc",
        "rpc.service": "gymlocker.v2.SystemService",
        "rpc.method": "GetHealth",
        "rpc.grpc.status_code": 0,
        "gymlocker.request_id": "the-request",
    }
    assert not span.parent_span_id
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert began <= span.start_time_unix_nano < span.end_time_unix_nano <= time.time_ns()
    assert set(collector.paths) == {"/v1/traces"}
    resource = {
        pair.key: pair.value.string_value for pair in collector.resources[0].resource.attributes
    }
    known = {key: resource.pop(key) for key in RESOURCE}
    assert known == RESOURCE
    assert resource.keys() <= {"telemetry.sdk.version", "service.instance.id"}


async def test_continues_the_clients_trace(client: Client, collector: Collector) -> None:
    metadata = [("x-request-id", "has-parent"), TRACEPARENT, ("tracestate", "canary=state")]
    await client.system.GetHealth(system_pb2.GetHealthRequest(), metadata=metadata)
    span = await span_of(collector, "has-parent")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.trace_state == ""


@pytest.mark.parametrize(
    "parent", ["canary", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01"]
)
async def test_ignores_an_invalid_parent(client: Client, collector: Collector, parent: str) -> None:
    request_id = str(uuid4())
    metadata = [("x-request-id", request_id), ("traceparent", parent)]
    await client.system.GetHealth(system_pb2.GetHealthRequest(), metadata=metadata)
    span = await span_of(collector, request_id)
    assert not span.parent_span_id
    assert span.trace_id.hex() != TRACE


async def test_failed_call_has_its_code_only(client: Client, collector: Collector) -> None:
    get_user = client.users.GetUser
    request = user_pb2.GetUserRequest(id_or_lookup="canary-nobody")
    await refused(get_user(request, metadata=[("x-request-id", "not-found")]), "NOT_FOUND")
    span = await span_of(collector, "not-found")
    assert attributes(span)["rpc.grpc.status_code"] == grpc.StatusCode.NOT_FOUND.value[0]
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_UNSET, "")
    assert not span.events


async def test_stream_is_one_span(client: Client, collector: Collector) -> None:
    metadata = [("x-request-id", "stream"), ("authorization", f"Web {WEB_KEY}")]
    call: Any = client.planner.Chat(metadata=metadata)
    await call.write(ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text="canary-text")))
    assert (await call.read()).end.reason == ai_pb2.ChatEnd.REASON_FAILED
    call.cancel()
    span = await span_of(collector, "stream")
    # In gRPC, either the end of the requests or the cancellation may arrive first.
    codes = {code.value[0] for code in (grpc.StatusCode.CANCELLED, grpc.StatusCode.OK)}
    assert attributes(span)["rpc.grpc.status_code"] in codes
    assert b"canary" not in b"".join(collector.bodies)


async def test_spans_contain_no_personal_data(client: Client, collector: Collector) -> None:
    user = await client.users.CreateUser(user_pb2.CreateUserRequest())
    address = ("x-client-address", "203.0.113.77")
    await client.events.PutEvent(event_of(user, b"canary-payload"), metadata=[address])
    await refused(client.take_messages(with_password(user, "canary-wrong")), "UNAUTHENTICATED")
    name = f"canary-{uuid4()}"
    register = auth_pb2.RegisterRequest(username=name, password="canary-password")
    await client.accounts.Register(register)
    tokens = await client.accounts.Login(
        auth_pb2.LoginRequest(username=name, password="canary-password")
    )
    last = [*bearer(tokens), ("x-request-id", "the-last"), ("user-agent", "canary-agent")]
    me = await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=last)
    await span_of(collector, "the-last")
    exported = b"".join(collector.bodies)
    secrets = [user.id, user.lookup, user.password, me.id, tokens.access_token]
    secrets += [tokens.refresh_token, "canary", "203.0.113", "127.0.0.1", "unix:", "grpc-python"]
    assert [secret for secret in secrets if secret.encode() in exported] == []
    assert b"AuthService/GetMe" in exported


async def test_hanging_collector_delays_neither_calls_nor_shutdown(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    socket = tmp_path / "worker.sock"
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        collector.answers.clear()
        async with serving(socket, database_url) as worker:
            await _make_many_calls(socket)
            assert collector.bodies
            await _stop(worker)


async def test_unreachable_collector_delays_neither_calls_nor_shutdown(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    socket = tmp_path / "worker.sock"
    async with serving(socket, database_url) as worker:
        await _make_many_calls(socket)
        await _stop(worker)


async def _make_many_calls(socket: Path) -> None:
    """Make more calls than one batch of spans holds."""
    assert await health(socket) == "ok"
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        client = Client(channel)
        async with asyncio.timeout(TIMEOUT):
            for _ in range(30):
                get_health = client.system.GetHealth
                await asyncio.gather(
                    *(get_health(system_pb2.GetHealthRequest()) for _ in range(100))
                )


async def _stop(worker: asyncio.subprocess.Process) -> None:
    worker.send_signal(signal.SIGTERM)
    async with asyncio.timeout(TIMEOUT):
        assert await worker.wait() == 0


async def test_rejects_an_invalid_endpoint(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317")
    log = tmp_path / "worker.log"
    async with serving(tmp_path / "s", database_url, stderr=str(log)) as process:
        assert await process.wait() == 1
    assert "OTEL_EXPORTER_OTLP_ENDPOINT: must start with http" in log.read_text()
