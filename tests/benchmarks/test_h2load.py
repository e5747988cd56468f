"""h2load runs: successes, errors and latencies."""

import pytest

from benchmarks.h2load import (
    Load,
    LoadError,
    Request,
    Shape,
    background_load,
    measure_latencies,
    request_once,
    run_load,
)
from benchmarks.seed import Person
from benchmarks.workloads import get_user
from tests.support.stack import Stack
from tests.support.tools import require

pytestmark = pytest.mark.extended

UNKNOWN_USER = get_user(Person("nobody", "nobody", "nobody"))
HEALTH = Request("rest", "/health", verb="GET")
UNKNOWN_PATH = Request("rest", "/nowhere", verb="GET")


@pytest.fixture(autouse=True)
def h2load() -> None:
    require("h2load")


class TestRunLoad:
    def test_counts_responses_and_bytes(self, stack: Stack) -> None:
        size = request_once(stack.port, HEALTH)
        assert size == len('{"status":"ok"}')
        load = run_load(stack.port, [HEALTH, HEALTH], Shape(connections=2, concurrency=1), 0.3)
        assert isinstance(load, Load)
        assert load.done > 0
        assert load.rate > 0
        assert load.response_bytes >= load.done * size


class TestRequestOnce:
    def test_returns_zero_bytes_for_grpc_error(self, stack: Stack) -> None:
        assert request_once(stack.port, UNKNOWN_USER) == 0

    def test_raises_load_error_for_http_error(self, stack: Stack) -> None:
        with pytest.raises(LoadError, match="1 of 1 requests failed"):
            request_once(stack.port, UNKNOWN_PATH)
        with pytest.raises(LoadError, match="requests failed"):
            measure_latencies(stack.port, UNKNOWN_PATH, 50, 0.3)


class TestMeasureLatencies:
    def test_returns_latency_of_each_request(self, stack: Stack) -> None:
        found = measure_latencies(stack.port, HEALTH, 100, 1)
        assert 80 <= len(found) <= 120
        assert all(milliseconds > 0 for milliseconds in found)


class TestBackgroundLoad:
    def test_raises_load_error_for_rejected_request(self, stack: Stack) -> None:
        with (
            pytest.raises(LoadError, match="GetUser is rejected"),
            background_load(stack.port, UNKNOWN_USER, Shape(connections=1, concurrency=1)),
        ):
            pytest.fail("the load started")
