"""Plans and sessions from a model over HTTP."""

import json

import pytest
import structlog
from gymlocker.v2 import ai_pb2

from server.errors import Unavailable
from server.services.ai.planner.errors import is_refundable
from server.services.ai.planner.llm_planner import LLMPlanner
from server.services.ai.planner.parser import parse_plan
from tests.services.ai.planner.calls import PERSON, failure
from tests.services.ai.planner.conftest import MakePlanner
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN, SESSION
from tests.services.ai.planner.script import Fault


class TestGeneratePlan:
    async def test_returns_plan(self, planner: LLMPlanner, model: ModelServer) -> None:
        assert await planner.generate_plan(PERSON) == parse_plan(PLAN)
        (call,) = model.calls
        assert [message["role"] for message in call["messages"]] == ["system", "user"]
        assert (call["stream"], call["tool_choice"], call["max_tokens"]) == (
            True,
            "required",
            16_000,
        )
        (tool,) = call["tools"]
        assert (tool["function"]["name"], tool["function"]["strict"]) == ("make_plan", True)
        assert model.headers[0]["authorization"] == "Bearer sk-canary"

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
    async def test_unusable_completion_is_not_refundable(
        self, make_planner: MakePlanner, model: ModelServer, fault: Fault, attempts: int
    ) -> None:
        with structlog.testing.capture_logs() as logs:
            error = await failure(make_planner(openai_model=f"fault:{fault}"))
        assert isinstance(error, Unavailable)
        assert (error.reason, is_refundable(error)) == ("MODEL_FAILED", False)
        assert "Try again" in error.message
        # No retry after the first chunk: the operator would pay twice.
        assert len(model.calls) == attempts
        assert "canary" not in json.dumps(logs)

    @pytest.mark.parametrize("fault", [Fault.INVALID_ONCE, Fault.MALFORMED_ONCE])
    async def test_requests_one_correction_of_an_invalid_plan(
        self, planner: LLMPlanner, model: ModelServer, fault: Fault
    ) -> None:
        model.faults.extend([fault, None])
        assert await planner.generate_plan(PERSON) == parse_plan(PLAN)
        first, second = model.calls
        *same, call, correction = second["messages"]
        assert same == first["messages"] and second["tool_choice"] == "required"
        assert call["tool_calls"][0]["id"] == correction["tool_call_id"]
        # Some servers reject a history whose arguments are not JSON.
        json.loads(call["tool_calls"][0]["function"]["arguments"])
        expected = (
            "name: must not be empty" if fault == Fault.INVALID_ONCE else "are not valid JSON"
        )
        assert expected in correction["content"]

    async def test_unavailable_correction_is_not_refundable(
        self, planner: LLMPlanner, model: ModelServer
    ) -> None:
        model.faults.extend([Fault.INVALID, Fault.BUSY, Fault.BUSY, Fault.BUSY])
        assert (await failure(planner)).reason == "MODEL_FAILED"

    async def test_rejects_oversized_completion(
        self, planner: LLMPlanner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("server.services.ai.planner.completion.MAX_ARGUMENTS", 100)
        assert (await failure(planner)).reason == "MODEL_FAILED"


class TestGenerateSession:
    async def test_returns_session(self, planner: LLMPlanner, model: ModelServer) -> None:
        attributes = ai_pb2.SessionAttributes(areas_to_workout=["legs"], minutes=30)
        assert await planner.generate_session(attributes) == parse_plan(PLAN).sessions[0]
        assert model.calls[0]["tools"][0]["function"]["name"] == "make_session"

    async def test_keeps_only_links_from_the_person(
        self, planner: LLMPlanner, model: ModelServer
    ) -> None:
        run = {"name": "Run", "sets": SESSION["exercises"][1]["cardio"]["sets"], "notes": ""}
        links = ["https://example.org/run", "https://evil.example/"]
        exercises = [{"cardio": run | {"link": link}} for link in links]
        model.session = SESSION | {"exercises": exercises}
        attributes = ai_pb2.SessionAttributes(additional_info=f"As in {links[0]}!")
        session = await planner.generate_session(attributes)
        assert [exercise.cardio.link for exercise in session.exercises] == [links[0], ""]
