"""Mixed load by wrk: every request must succeed."""

import pytest

from benchmarks.h2load import LoadError, Request
from benchmarks.wrk import run_mixed_load
from tests.support.stack import Stack
from tests.support.tools import require

pytestmark = pytest.mark.extended

HEALTH = Request("rest", "/health", verb="GET")
UNKNOWN_PATH = Request("rest", "/nowhere", verb="GET")
USERS = Request("rest", "/v2/users", b'{"ids":["8a6e0804-2bd0-4672-b79d-d97027f9071a"]}')


@pytest.fixture(autouse=True)
def wrk() -> None:
    require("wrk")


class TestRunMixedLoad:
    def test_counts_responses(self, stack: Stack) -> None:
        load = run_mixed_load(stack.port, [HEALTH, USERS], clients=2, seconds=0.5)
        assert load.done > 0
        assert load.rate > 0

    def test_raises_load_error_if_a_request_fails(self, stack: Stack) -> None:
        with pytest.raises(LoadError, match="Non-2xx"):
            run_mixed_load(stack.port, [HEALTH, UNKNOWN_PATH], clients=1, seconds=1)

    def test_raises_load_error_without_server(self) -> None:
        with pytest.raises(LoadError, match="wrk failed"):
            run_mixed_load(1, [HEALTH], clients=1, seconds=1)
