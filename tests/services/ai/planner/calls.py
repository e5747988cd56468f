"""Calls of a planner, and their errors."""

import pytest
from gymlocker.v2 import ai_pb2

from server.errors import GymlockerError
from server.services.ai.planner.llm_planner import LLMPlanner

PERSON = ai_pb2.PlanAttributes(age=40, goals=["strength"], additional_info="canary")


async def failure(planner: LLMPlanner) -> GymlockerError:
    """Return the error of a call, which must not quote the request."""
    with pytest.raises(GymlockerError) as caught:
        await planner.generate_plan(PERSON)
    assert "canary" not in caught.value.message
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value
