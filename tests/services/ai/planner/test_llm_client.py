"""Places among the answers that are under way."""

import asyncio

import pytest
from gymlocker.v2 import ai_pb2

from server.errors import Unavailable
from server.libraries.network.grpc_protocol import ADDRESS_KEY
from server.libraries.rpc.context import current_metadata
from server.services.ai.planner.errors import nothing_came
from server.services.ai.planner.llm_planner import Provider
from server.services.ai.planner.parser import plan_of
from tests.services.ai.planner.conftest import MakeProvider
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.plans import PLAN
from tests.services.ai.planner.script import Fault

PERSON = ai_pb2.PlanAttributes(age=40, goals=["strength"], additional_info="canary")


async def test_too_many_at_once_are_turned_away(
    make_provider: MakeProvider, model: ModelServer
) -> None:
    provider = make_provider(ai_streams=1)
    model.faults.append(Fault.STALL)
    task = asyncio.create_task(provider.plan(PERSON))
    await model.until(lambda: model.stalled == 1)
    error = await _overload(provider)
    assert (error.reason, nothing_came(error)) == ("OVERLOADED", True)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await provider.plan(PERSON) == plan_of(PLAN)


async def test_no_network_takes_more_than_half_of_the_places(
    make_provider: MakeProvider, model: ModelServer
) -> None:
    provider = make_provider(ai_streams=2)
    model.faults.append(Fault.STALL)
    current_metadata.set([(ADDRESS_KEY, "192.0.2.1")])
    task = asyncio.create_task(provider.plan(PERSON))
    await model.until(lambda: model.stalled == 1)
    assert (await _overload(provider)).reason == "OVERLOADED"
    current_metadata.set([(ADDRESS_KEY, "192.0.2.2")])
    assert await provider.plan(PERSON) == plan_of(PLAN)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _overload(provider: Provider) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await provider.plan(PERSON)
    return caught.value
