"""Plans and sessions from a model over HTTP, and everything that can go wrong with it."""

import asyncio
import json
from typing import Any

import pytest
import structlog
from gymlocker.v2 import ai_pb2

from server.errors import FailedPrecondition, GymlockerError, StartError, Unavailable
from server.libraries.settings import OPENAI_URL, PlannerSettings, load
from server.services.ai.planner.errors import nothing_came
from server.services.ai.planner.llm_planner import Provider
from server.services.ai.planner.parser import plan_of
from tests.services.ai.planner.conftest import MakeProvider
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN, SESSION
from tests.services.ai.planner.script import Fault

PERSON = ai_pb2.PlanAttributes(age=40, goals=["strength"], additional_info="canary")


async def _failure(provider: Provider) -> GymlockerError:
    with pytest.raises(GymlockerError) as caught:
        await provider.plan(PERSON)
    assert "canary" not in caught.value.message
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


async def test_a_plan(provider: Provider, model: ModelServer) -> None:
    assert await provider.plan(PERSON) == plan_of(PLAN)
    (call,) = model.calls
    assert [message["role"] for message in call["messages"]] == ["system", "user"]
    assert (call["stream"], call["tool_choice"], call["max_tokens"]) == (True, "required", 16_000)
    (tool,) = call["tools"]
    assert (tool["function"]["name"], tool["function"]["strict"]) == ("make_plan", True)
    assert model.headers[0]["authorization"] == "Bearer sk-canary"


async def test_a_session(provider: Provider, model: ModelServer) -> None:
    attributes = ai_pb2.SessionAttributes(areas_to_workout=["legs"], minutes=30)
    assert await provider.session(attributes) == plan_of(PLAN).sessions[0]
    assert model.calls[0]["tools"][0]["function"]["name"] == "make_session"


async def test_links_are_kept_if_the_person_gave_them(
    provider: Provider, model: ModelServer
) -> None:
    run = {"name": "Run", "sets": SESSION["exercises"][1]["cardio"]["sets"], "notes": ""}
    links = ["https://example.org/run", "https://evil.example/"]
    exercises = [{"cardio": run | {"link": link}} for link in links]
    model.session = SESSION | {"exercises": exercises}
    attributes = ai_pb2.SessionAttributes(additional_info=f"As in {links[0]}!")
    session = await provider.session(attributes)
    assert [exercise.cardio.link for exercise in session.exercises] == [links[0], ""]


@pytest.mark.parametrize("fault", [Fault.TOO_MANY, Fault.BUSY, Fault.HANG_UP, Fault.HANG_UP_EARLY])
async def test_what_passes_is_tried_again(
    provider: Provider, model: ModelServer, fault: Fault
) -> None:
    model.faults.extend([fault, fault])
    assert await provider.plan(PERSON) == plan_of(PLAN)
    assert len(model.calls) == 3


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        (Fault.TOO_MANY, 3),
        (Fault.BUSY, 3),
        (Fault.HANG_UP, 3),
        (Fault.HANG_UP_EARLY, 3),
        (Fault.USED_UP, 1),
        (Fault.WRONG_KEY, 1),
        (Fault.FORBIDDEN, 1),
        (Fault.NO_MODEL, 1),
        (Fault.EMPTY, 1),
        (Fault.GIBBERISH, 1),
    ],
)
async def test_if_nothing_comes_it_costs_nothing(
    make_provider: MakeProvider, model: ModelServer, fault: Fault, attempts: int
) -> None:
    error = await _failure(make_provider(openai_model=f"fault:{fault}"))
    assert isinstance(error, Unavailable)
    assert (error.reason, nothing_came(error)) == ("MODEL_UNAVAILABLE", True)
    assert len(model.calls) == attempts


async def test_a_wrong_key_is_logged_without_it(make_provider: MakeProvider) -> None:
    provider = make_provider(openai_model=f"fault:{Fault.WRONG_KEY}")
    with structlog.testing.capture_logs() as logs:
        await _failure(provider)
    assert logs == [
        {
            "event": "model out of reach",
            "log_level": "error",
            "attempts": 1,
            "error": "AuthenticationError",
            "status": 401,
            "code": "invalid_api_key",
        }
    ]


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        (Fault.CUT, 1),
        (Fault.ERROR_EVENT, 1),
        (Fault.REFUSAL, 1),
        (Fault.FILTERED, 1),
        (Fault.TOO_LONG, 1),
        (Fault.NO_CALL, 1),
        (Fault.INVALID, 2),
        (Fault.MALFORMED, 2),
    ],
)
async def test_if_something_came_that_is_no_good_it_fails(
    make_provider: MakeProvider, model: ModelServer, fault: Fault, attempts: int
) -> None:
    with structlog.testing.capture_logs() as logs:
        error = await _failure(make_provider(openai_model=f"fault:{fault}"))
    assert isinstance(error, Unavailable)
    assert (error.reason, nothing_came(error)) == ("MODEL_FAILED", False)
    assert "Try again" in error.message
    # No attempt once something came: that would be paid for twice.
    assert len(model.calls) == attempts
    assert "canary" not in json.dumps(logs)


@pytest.mark.parametrize("fault", [Fault.INVALID_ONCE, Fault.MALFORMED_ONCE])
async def test_what_is_no_plan_is_repaired_once(
    provider: Provider, model: ModelServer, fault: Fault
) -> None:
    model.faults.extend([fault, None])
    assert await provider.plan(PERSON) == plan_of(PLAN)
    first, second = model.calls
    *same, call, complaint = second["messages"]
    assert same == first["messages"] and second["tool_choice"] == "required"
    assert call["tool_calls"][0]["id"] == complaint["tool_call_id"]
    # Some servers fail on a history in which arguments are no JSON.
    json.loads(call["tool_calls"][0]["function"]["arguments"])
    said = "name: must not be empty" if fault == Fault.INVALID_ONCE else "are no JSON"
    assert said in complaint["content"]


async def test_a_repair_that_finds_nobody_costs_all_the_same(
    provider: Provider, model: ModelServer
) -> None:
    model.faults.extend([Fault.INVALID, Fault.BUSY, Fault.BUSY, Fault.BUSY])
    assert (await _failure(provider)).reason == "MODEL_FAILED"


async def test_the_provider_says_when_to_come_back(
    make_provider: MakeProvider, model: ModelServer
) -> None:
    provider = make_provider(backoff=1000, longest_wait=10)
    model.faults.append(Fault.TOO_MANY)
    assert await provider.plan(PERSON) == plan_of(PLAN)
    # Longer than anybody waits.
    model.calls.clear()
    model.retry_after = "10.5"
    model.faults.append(Fault.TOO_MANY)
    assert (await _failure(provider)).reason == "MODEL_UNAVAILABLE"
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    ("fault", "limits", "reason"),
    [
        (Fault.STALL_EARLY, {"whole_answer": 0.1}, "MODEL_UNAVAILABLE"),
        (Fault.STALL, {"between_chunks": 0.2}, "MODEL_FAILED"),
        (Fault.STALL, {"whole_answer": 0.2}, "MODEL_FAILED"),
    ],
)
async def test_a_model_that_stalls_is_hung_up_on(
    make_provider: MakeProvider,
    model: ModelServer,
    fault: Fault,
    limits: dict[str, float],
    reason: str,
) -> None:
    provider = make_provider(openai_model=f"fault:{fault}", **limits)
    assert (await _failure(provider)).reason == reason
    await model.until(lambda: (model.open, model.hung_up) == (0, 1))
    assert len(model.calls) == 1


async def test_a_model_that_does_not_stop_is_hung_up_on(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.services.ai.planner.completion.MOST_ARGUMENTS", 100)
    assert (await _failure(provider)).reason == "MODEL_FAILED"


async def test_nobody_there(make_provider: MakeProvider, model: ModelServer) -> None:
    async with ModelServer() as other:
        url = other.url
    error = await _failure(make_provider(openai_base_url=url))
    assert (error.reason, nothing_came(error)) == ("MODEL_UNAVAILABLE", True)


@pytest.mark.parametrize("fault", [Fault.STALL_EARLY, Fault.STALL])
async def test_cancelling_hangs_up_at_once(
    provider: Provider, model: ModelServer, fault: Fault
) -> None:
    model.faults.append(fault)
    task = asyncio.create_task(provider.plan(PERSON))
    await model.until(lambda: model.stalled == 1)
    assert (model.open, model.hung_up) == (1, 0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await model.until(lambda: (model.open, model.hung_up) == (0, 1))
    assert await provider.plan(PERSON) == plan_of(PLAN)


async def test_before_its_first_word_a_model_has_more_time(
    make_provider: MakeProvider, model: ModelServer
) -> None:
    provider = make_provider(between_chunks=0.1)
    model.faults.append(Fault.STALL_EARLY)
    task = asyncio.create_task(provider.plan(PERSON))
    await model.until(lambda: model.stalled == 1)
    done, _ = await asyncio.wait({task}, timeout=0.5)
    assert not done
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_without_a_key_the_setting_is_named(make_provider: MakeProvider) -> None:
    provider = make_provider(openai_api_key=None, openai_base_url=OPENAI_URL)
    with pytest.raises(FailedPrecondition, match="OPENAI_API_KEY") as caught:
        await provider.plan(PERSON)
    assert (caught.value.reason, nothing_came(caught.value)) == ("PLANNER_NOT_CONFIGURED", True)


async def test_a_model_of_ones_own_needs_no_key(make_provider: MakeProvider) -> None:
    assert await make_provider(openai_api_key=None).plan(PERSON) == plan_of(PLAN)


async def test_openai_is_asked_in_its_own_terms(
    make_provider: MakeProvider, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.services.ai.planner.llm_client._is_openai", lambda url: True)
    provider = make_provider()
    model.faults.append(Fault.NO_EFFORT)
    assert await provider.plan(PERSON) == plan_of(PLAN)
    assert await provider.plan(PERSON) == plan_of(PLAN)
    # A model that cannot be told is told once.
    assert [call.get("reasoning_effort") for call in model.calls] == ["none", None, None]
    assert [call.get("max_completion_tokens") for call in model.calls] == [16_000] * 3
    assert not any("max_tokens" in call for call in model.calls)


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: dict[str, Any] = {
        "OPENAI_API_KEY": "sk-canary",
        "OPENAI_BASE_URL": "http://127.0.0.1:11434/v1/",
        "AI_STREAMS": "3",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load(PlannerSettings)
    assert (settings.openai_base_url, settings.ai_streams) == ("http://127.0.0.1:11434/v1", 3)
    assert "canary" not in repr(settings)
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:11434")
    with pytest.raises(StartError, match="OPENAI_BASE_URL: must start with http"):
        load(PlannerSettings)
