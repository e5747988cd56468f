"""What is taken for an answer, and what is not."""

import pytest

from benchmarks.h2load import Load, LoadError, Request, Shape, latencies, loaded, once, repeated
from benchmarks.seed import Person
from benchmarks.workloads import get_user
from tests.support.stack import Stack
from tests.support.tools import require

NOBODY = get_user(Person("nobody", "nobody", "nobody"))
HEALTH = Request("rest", "/health", verb="GET")
NOWHERE = Request("rest", "/nowhere", verb="GET")


@pytest.fixture(autouse=True)
def h2load() -> None:
    require("h2load")


def test_replies_are_counted_in_requests_and_bytes(stack: Stack) -> None:
    size = once(stack.port, HEALTH)
    assert size == len('{"status":"ok"}')
    load = loaded(stack.port, [HEALTH, HEALTH], Shape(connections=2, at_once=1), 0.3)
    assert isinstance(load, Load)
    assert load.done > 0
    assert load.rate > 0
    assert load.reply_bytes >= load.done * size


def test_an_error_of_grpc_has_no_bytes(stack: Stack) -> None:
    assert once(stack.port, NOBODY) == 0


def test_an_error_of_http_is_none(stack: Stack) -> None:
    with pytest.raises(LoadError, match="1 of 1 requests failed"):
        once(stack.port, NOWHERE)
    with pytest.raises(LoadError, match="requests failed"):
        latencies(stack.port, NOWHERE, 50, 0.3)


def test_latencies_are_those_of_each_request(stack: Stack) -> None:
    found = latencies(stack.port, HEALTH, 100, 1)
    assert 80 <= len(found) <= 120
    assert all(milliseconds > 0 for milliseconds in found)


def test_a_disturbance_that_is_refused_is_none(stack: Stack) -> None:
    with (
        pytest.raises(LoadError, match="GetUser is refused"),
        repeated(stack.port, NOBODY, Shape(connections=1, at_once=1)),
    ):
        pytest.fail("it was none")
