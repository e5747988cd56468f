"""Client of the language model: slots, retries, timeouts and parameters."""

import asyncio
from typing import Any

import pytest
import structlog

from server.errors import FailedPrecondition, StartError, Unavailable
from server.libraries.network.grpc_protocol import ADDRESS_KEY
from server.libraries.rpc.context import current_metadata
from server.libraries.settings import OPENAI_URL, PlannerSettings, load
from server.services.ai.planner.errors import is_refundable
from server.services.ai.planner.llm_planner import LLMPlanner
from server.services.ai.planner.parser import parse_plan
from tests.services.ai.planner.calls import PERSON, failure
from tests.services.ai.planner.conftest import MakePlanner
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN
from tests.services.ai.planner.script import Fault


class TestSlots:
    async def test_rejects_too_many_completions_in_flight(
        self, make_planner: MakePlanner, model: ModelServer
    ) -> None:
        planner = make_planner(ai_streams=1)
        model.faults.append(Fault.STALL)
        task = asyncio.create_task(planner.generate_plan(PERSON))
        await model.until(lambda: model.stalled == 1)
        error = await failure(planner)
        assert (error.reason, is_refundable(error)) == ("OVERLOADED", True)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await planner.generate_plan(PERSON) == parse_plan(PLAN)

    async def test_limits_a_network_to_half_of_the_slots(
        self, make_planner: MakePlanner, model: ModelServer
    ) -> None:
        planner = make_planner(ai_streams=2)
        model.faults.append(Fault.STALL)
        current_metadata.set([(ADDRESS_KEY, "192.0.2.1")])
        task = asyncio.create_task(planner.generate_plan(PERSON))
        await model.until(lambda: model.stalled == 1)
        assert (await failure(planner)).reason == "OVERLOADED"
        current_metadata.set([(ADDRESS_KEY, "192.0.2.2")])
        assert await planner.generate_plan(PERSON) == parse_plan(PLAN)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class TestRetries:
    @pytest.mark.parametrize(
        "fault", [Fault.TOO_MANY, Fault.BUSY, Fault.HANG_UP, Fault.HANG_UP_EARLY]
    )
    async def test_retries_transient_errors(
        self, planner: LLMPlanner, model: ModelServer, fault: Fault
    ) -> None:
        model.faults.extend([fault, fault])
        assert await planner.generate_plan(PERSON) == parse_plan(PLAN)
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
    async def test_error_before_the_first_chunk_is_refundable(
        self, make_planner: MakePlanner, model: ModelServer, fault: Fault, attempts: int
    ) -> None:
        error = await failure(make_planner(openai_model=f"fault:{fault}"))
        assert isinstance(error, Unavailable)
        assert (error.reason, is_refundable(error)) == ("MODEL_UNAVAILABLE", True)
        assert len(model.calls) == attempts

    async def test_unreachable_server_is_refundable(
        self, make_planner: MakePlanner, model: ModelServer
    ) -> None:
        async with ModelServer() as other:
            url = other.url
        error = await failure(make_planner(openai_base_url=url))
        assert (error.reason, is_refundable(error)) == ("MODEL_UNAVAILABLE", True)

    async def test_waits_as_long_as_the_provider_demands_within_a_limit(
        self, make_planner: MakePlanner, model: ModelServer
    ) -> None:
        planner = make_planner(backoff=1000, max_retry_after=10)
        model.faults.append(Fault.TOO_MANY)
        assert await planner.generate_plan(PERSON) == parse_plan(PLAN)
        # Longer than the limit.
        model.calls.clear()
        model.retry_after = "10.5"
        model.faults.append(Fault.TOO_MANY)
        assert (await failure(planner)).reason == "MODEL_UNAVAILABLE"
        assert len(model.calls) == 1

    async def test_logs_a_rejected_key_without_quoting_it(self, make_planner: MakePlanner) -> None:
        planner = make_planner(openai_model=f"fault:{Fault.WRONG_KEY}")
        with structlog.testing.capture_logs() as logs:
            await failure(planner)
        assert logs == [
            {
                "event": "model_unavailable",
                "log_level": "error",
                "attempts": 1,
                "error": "AuthenticationError",
                "status": 401,
                "code": "invalid_api_key",
            }
        ]


class TestTimeouts:
    @pytest.mark.parametrize(
        ("fault", "limits", "reason"),
        [
            (Fault.STALL_EARLY, {"total_timeout": 0.1}, "MODEL_UNAVAILABLE"),
            (Fault.STALL, {"chunk_timeout": 0.2}, "MODEL_FAILED"),
            (Fault.STALL, {"total_timeout": 0.2}, "MODEL_FAILED"),
        ],
    )
    async def test_hangs_up_on_a_stalled_model(
        self,
        make_planner: MakePlanner,
        model: ModelServer,
        fault: Fault,
        limits: dict[str, float],
        reason: str,
    ) -> None:
        planner = make_planner(openai_model=f"fault:{fault}", **limits)
        assert (await failure(planner)).reason == reason
        await model.until(lambda: (model.open, model.hung_up) == (0, 1))
        assert len(model.calls) == 1

    async def test_first_chunk_may_take_longer_than_others(
        self, make_planner: MakePlanner, model: ModelServer
    ) -> None:
        planner = make_planner(chunk_timeout=0.1)
        model.faults.append(Fault.STALL_EARLY)
        task = asyncio.create_task(planner.generate_plan(PERSON))
        await model.until(lambda: model.stalled == 1)
        done, _ = await asyncio.wait({task}, timeout=0.5)
        assert not done
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @pytest.mark.parametrize("fault", [Fault.STALL_EARLY, Fault.STALL])
    async def test_cancelling_hangs_up_at_once(
        self, planner: LLMPlanner, model: ModelServer, fault: Fault
    ) -> None:
        model.faults.append(fault)
        task = asyncio.create_task(planner.generate_plan(PERSON))
        await model.until(lambda: model.stalled == 1)
        assert (model.open, model.hung_up) == (1, 0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await model.until(lambda: (model.open, model.hung_up) == (0, 1))
        assert await planner.generate_plan(PERSON) == parse_plan(PLAN)


class TestParameters:
    async def test_missing_key_is_named(self, make_planner: MakePlanner) -> None:
        planner = make_planner(openai_api_key=None, openai_base_url=OPENAI_URL)
        with pytest.raises(FailedPrecondition, match="OPENAI_API_KEY") as caught:
            await planner.generate_plan(PERSON)
        assert (caught.value.reason, is_refundable(caught.value)) == (
            "PLANNER_NOT_CONFIGURED",
            True,
        )

    async def test_self_hosted_model_needs_no_key(self, make_planner: MakePlanner) -> None:
        assert await make_planner(openai_api_key=None).generate_plan(PERSON) == parse_plan(PLAN)

    async def test_openai_gets_its_own_parameters(
        self, make_planner: MakePlanner, model: ModelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("server.services.ai.planner.llm_client._is_openai", lambda url: True)
        planner = make_planner()
        model.faults.append(Fault.NO_EFFORT)
        assert await planner.generate_plan(PERSON) == parse_plan(PLAN)
        assert await planner.generate_plan(PERSON) == parse_plan(PLAN)
        # The parameter is not sent again after its rejection.
        assert [call.get("reasoning_effort") for call in model.calls] == ["none", None, None]
        assert [call.get("max_completion_tokens") for call in model.calls] == [16_000] * 3
        assert not any("max_tokens" in call for call in model.calls)

    def test_reads_settings_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
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
