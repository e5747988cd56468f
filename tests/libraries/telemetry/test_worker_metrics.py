"""Metrics of a worker after known calls."""

import asyncio
import re
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import grpc
import pytest
from gymlocker.v2 import ai_pb2, auth_pb2, event_pb2, system_pb2, user_pb2, workout_pb2

from tests.libraries.telemetry.conftest import WEB_KEY, Worker, running_worker
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.script import Fault
from tests.services.system.rows import add_each
from tests.support.client import bearer, event_of, nobody, with_password
from tests.support.worker import TIMEOUT

pytestmark = pytest.mark.extended

BUYER = [("authorization", f"Web {WEB_KEY}")]
UNKNOWN_KEY = [("authorization", "Web canary-no-key")]
WAIT = ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text="Take your time and tell me more. " * 8))
PLAN_WISH = ai_pb2.GenerateWorkoutPlanRequest(attributes=ai_pb2.PlanAttributes(age=30))


async def refused(call: Awaitable[Any], code: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code().name == code


def name_of(service: str, method: str) -> str:
    return f"gymlocker.v2.{service}/{method}"


GET_USER, CHAT = name_of("UserService", "GetUser"), name_of("AiService", "Chat")


async def test_counts_calls_by_status(worker: Worker) -> None:
    client = worker.client
    user = await client.users.CreateUser(user_pb2.CreateUserRequest())
    for _ in range(3):
        await client.profile(user.id)
    await refused(client.profile(str(uuid4())), "NOT_FOUND")
    await refused(client.profile(""), "INVALID_ARGUMENT")
    await refused(client.take_messages(with_password(user, "wrong")), "UNAUTHENTICATED")
    tokens = await client.login(user)
    rows = client.workouts.ExportWorkouts(
        workout_pb2.ExportWorkoutsRequest(), metadata=bearer(tokens)
    )
    assert [row async for row in rows]
    unknown: Any = worker.channel.unary_unary("/gymlocker.v2.UserService/No")
    await refused(unknown(b""), "UNIMPLEMENTED")
    check: Any = worker.channel.stream_unary("/grpc.health.v1.Health/Check")
    await refused(check(iter(())), "INVALID_ARGUMENT")
    scrape = await worker.scrape()
    assert scrape.values("gymlocker_calls_total", "method", "code") == {
        (name_of("SystemService", "GetHealth"), "OK"): 1,
        (name_of("UserService", "CreateUser"), "OK"): 1,
        (GET_USER, "OK"): 3,
        (GET_USER, "NOT_FOUND"): 1,
        (GET_USER, "INVALID_ARGUMENT"): 1,
        (name_of("InboxService", "GetInboxMessages"), "UNAUTHENTICATED"): 1,
        (name_of("AuthService", "Login"), "OK"): 1,
        (name_of("WorkoutService", "ExportWorkouts"), "OK"): 1,
        ("unknown", "UNIMPLEMENTED"): 1,
        ("grpc.health.v1.Health/Check", "INVALID_ARGUMENT"): 1,
    }
    assert scrape.values("gymlocker_call_seconds_count", "method")[(GET_USER,)] == 5
    assert 0 < scrape.value("gymlocker_call_seconds_sum", method=GET_USER) < 60
    assert scrape.values("gymlocker_calls_in_flight", "method") == {}


async def test_stream_is_in_flight_until_it_is_cancelled(
    worker: Worker, model: ModelServer
) -> None:
    model.pace = 0.05
    call: Any = worker.client.planner.Chat(metadata=BUYER)
    await call.write(WAIT)
    assert (await call.read()).message
    scrape = await worker.scrape()
    assert scrape.values("gymlocker_calls_in_flight", "method") == {(CHAT,): 1}
    assert scrape.values("gymlocker_ai_answers_in_flight", "kind") == {("chat",): 1}
    call.cancel()
    await model.until(lambda: model.hung_up == 1)
    scrape = await until(worker, "gymlocker_calls_total", method=CHAT, code="CANCELLED")
    assert scrape.values("gymlocker_calls_in_flight", "method") == {}
    assert scrape.values("gymlocker_ai_answers_in_flight", "kind") == {}
    assert scrape.values("gymlocker_ai_answers_total", "kind", "end") == {("chat", "stopped"): 1}


async def until(worker: Worker, name: str, **labels: str) -> Any:
    """Scrape until a sample exists: cancelling a call does not wait for its end."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            scrape = await worker.scrape()
            if tuple(labels.values()) in scrape.values(name, *labels):
                return scrape


async def test_counts_answers_and_tokens_of_the_model(worker: Worker, model: ModelServer) -> None:
    planner = worker.client.planner
    model.faults.extend([None, None, Fault.FORBIDDEN, Fault.REFUSAL])
    for _ in range(2):
        await planner.GenerateWorkoutPlan(PLAN_WISH, metadata=BUYER)
    for _ in range(2):
        await refused(planner.GenerateWorkoutPlan(PLAN_WISH, metadata=BUYER), "UNAVAILABLE")
    scrape = await worker.scrape()
    assert scrape.values("gymlocker_ai_answers_total", "kind", "end") == {
        ("plan", "complete"): 2,
        ("plan", "model_unavailable"): 1,
        ("plan", "model_failed"): 1,
    }
    # The refused answer was complete as well.
    assert scrape.values("gymlocker_ai_tokens_total", "direction") == {("in",): 300, ("out",): 150}
    assert scrape.value("gymlocker_ai_answer_seconds_count", kind="plan") == 4


async def test_counts_purchase_checks_and_quota_rejections(
    database_url: str, model: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", model.url)
    monkeypatch.setenv("RATE_LIMIT_WEB_PER_DAY", "1")
    key = str(uuid4())
    monkeypatch.setenv("WEB_AUTH_API_KEY", key)
    buyer = [("authorization", f"Web {key}")]
    async with running_worker(database_url, tmp_path, "--metrics=0") as worker:
        planner = worker.client.planner
        await planner.GenerateWorkoutPlan(PLAN_WISH, metadata=buyer)
        for _ in range(2):
            await refused(
                planner.GenerateWorkoutPlan(PLAN_WISH, metadata=buyer), "RESOURCE_EXHAUSTED"
            )
        await refused(
            planner.GetQuota(ai_pb2.GetQuotaRequest(), metadata=UNKNOWN_KEY), "UNAUTHENTICATED"
        )
        stale = [("x-api-key", "canary-key")]
        await refused(planner.GetQuota(ai_pb2.GetQuotaRequest(), metadata=stale), "UNAUTHENTICATED")
        scrape = await worker.scrape()
    assert scrape.value("gymlocker_ai_quota_refusals_total") == 2
    # Results of stores are cached.
    assert scrape.values("gymlocker_purchase_checks_total", "store", "outcome") == {
        ("Web", "granted"): 1,
        ("Web", "refused"): 1,
    }
    assert scrape.values("gymlocker_wrong_secrets_total", "secret", "outcome") == {
        ("purchase_token", "wrong"): 1,
        ("api_key", "wrong"): 1,
    }


async def test_counts_password_checks(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_FAILURES_PER_ACCOUNT", "2")
    async with running_worker(database_url, tmp_path, "--metrics=0") as worker:
        client = worker.client
        user = await client.users.CreateUser(user_pb2.CreateUserRequest())
        for _ in range(4):
            await client.take_messages(user)
        for number in range(2):
            wrong = with_password(user, f"wrong {number}")
            await refused(client.take_messages(wrong), "UNAUTHENTICATED")
        await refused(client.take_messages(with_password(user, "again")), "RESOURCE_EXHAUSTED")
        scrape = await worker.scrape()
    assert scrape.values("gymlocker_password_checks_total", "by") == {("memory",): 4, ("hash",): 3}
    assert scrape.values("gymlocker_wrong_secrets_total", "secret", "outcome") == {
        ("password", "wrong"): 2,
        ("password", "refused"): 1,
    }
    refusals = scrape.values("gymlocker_refusals_total", "reason")
    assert refusals == {("TOO_MANY_PASSWORDS",): 1}


async def test_shows_waiting_passwords_and_counts_rejected_ones(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_QUEUE", "4")
    async with running_worker(database_url, tmp_path, "--metrics=0") as worker:
        create = worker.client.users.CreateUser
        calls = [asyncio.ensure_future(create(user_pb2.CreateUserRequest())) for _ in range(30)]
        waiting = 0.0
        while not all(call.done() for call in calls):
            scrape = await worker.scrape()
            running = scrape.value("gymlocker_password_hashing", state="running")
            assert running in (0, 1)
            waiting = max(waiting, scrape.value("gymlocker_password_hashing", state="waiting"))
        results = await asyncio.gather(*calls, return_exceptions=True)
        scrape = await worker.scrape()
    # One address may have half of the queue.
    assert waiting == 2
    rejected = sum(isinstance(result, grpc.aio.AioRpcError) for result in results)
    assert 20 < rejected == scrape.value("gymlocker_password_hashing_rejected_total")
    assert scrape.value("gymlocker_password_hashing", state="queue") == 4
    assert scrape.value("gymlocker_password_hashing", state="waiting") == 0


async def test_shows_the_connection_pool(worker: Worker) -> None:
    before = await worker.scrape()
    for _ in range(5):
        await worker.client.system.GetHealth(system_pb2.GetHealthRequest())
    scrape = await worker.scrape()
    name, database = "gymlocker_database_wait_seconds_count", "main"
    # Or more: the first sweep may still run.
    assert scrape.value(name, database=database) >= before.value(name, database=database) + 5
    pool = scrape.values("gymlocker_database_connections", "database", "state")
    assert pool[(database, "limit")] == 10
    assert pool[(database, "idle")] >= 1
    assert ("rate_limits", "limit") not in pool
    assert scrape.value("gymlocker_database_waiting", database=database) == 0
    assert scrape.value("gymlocker_database_unavailable_total", database=database) == 0


async def test_counts_lost_database_connections(worker: Worker, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    block = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with connection.transaction():
        await connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        call = asyncio.ensure_future(worker.client.profile(str(uuid4())))
        async with asyncio.timeout(TIMEOUT):
            while not await connection.fetchval(blocked):
                await asyncio.sleep(0.01)
        in_use = (await worker.scrape()).values(
            "gymlocker_database_connections", "database", "state"
        )[("main", "in_use")]
        await connection.execute(f"{block} AND datname = current_database()")
        await refused(call, "UNAVAILABLE")
    await connection.close()
    assert in_use >= 1
    scrape = await worker.scrape()
    assert scrape.value("gymlocker_database_unavailable_total", database="main") == 1


@pytest.fixture
async def expired_rows(database_url: str) -> int:
    """Add rows that the next worker removes when it starts; return their number."""
    connection = await asyncpg.connect(database_url)
    await add_each(connection, "yesterday", number=3)
    await connection.close()
    return 6


async def test_counts_sweeps_and_their_rows(expired_rows: int, worker: Worker) -> None:
    began = time.time()
    scrape = await until(worker, "gymlocker_sweeps_total", sweep="main", outcome="succeeded")
    assert scrape.value("gymlocker_swept_rows_total", sweep="main") == expired_rows
    assert scrape.value("gymlocker_sweeps_total", sweep="main", outcome="failed") == 0
    last = scrape.value("gymlocker_last_sweep_timestamp_seconds", sweep="main")
    assert abs(last - began) < 60


async def test_metrics_contain_no_personal_data(worker: Worker) -> None:
    client, name = worker.client, f"canary-{uuid4()}"
    user = await client.users.CreateUser(user_pb2.CreateUserRequest())
    metadata = [("x-client-address", "203.0.113.77"), ("x-request-id", "canary-request")]
    await client.events.PutEvent(event_of(user, b"canary-payload"), metadata=metadata)
    wrong = with_password(user, "canary-wrong")
    await refused(client.take_messages(wrong), "UNAUTHENTICATED")
    await refused(client.take_messages(nobody()), "NOT_FOUND")
    register = auth_pb2.RegisterRequest(username=name, password="canary-password")
    await client.accounts.Register(register)
    login = auth_pb2.LoginRequest(username=name, password="canary-password")
    tokens = await client.accounts.Login(login)
    me = await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(tokens))
    workout = workout_pb2.CreateWorkoutRequest(
        date="2026-02-07", type="canary-type", duration=30, notes="canary-notes"
    )
    stored = await client.workouts.CreateWorkout(workout, metadata=bearer(tokens))
    quota = client.planner.GetQuota(ai_pb2.GetQuotaRequest(), metadata=UNKNOWN_KEY)
    await refused(quota, "UNAUTHENTICATED")
    call = client.planner.Chat(metadata=BUYER)
    await call.write(ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text="canary")))
    await call.done_writing()
    assert [response async for response in call]
    await refused(client.profile("canary-lookup"), "NOT_FOUND")
    feed = event_pb2.FollowedUser(user_id=user.id, follow_secret="canary-secret")
    await client.feed(feed)
    text = (await worker.scrape()).text
    secrets = [user.id, user.lookup, user.password, me.id, stored.id]
    secrets += [tokens.access_token, tokens.refresh_token, "canary", "203.0.113", WEB_KEY]
    assert [secret for secret in secrets if secret in text] == []
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)
    assert "gymlocker.v2.WorkoutService/CreateWorkout" in text
