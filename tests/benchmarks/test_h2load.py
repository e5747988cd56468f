"""What is taken for an answer, and what is not."""

import pytest

from benchmarks.h2load import Load, LoadError, Request, Shape, latencies, loaded, once, repeated
from benchmarks.seed import Person
from benchmarks.workloads import get_user
from tests.house import House
from tests.tools import require

NOBODY = get_user(Person("nobody", "nobody", "nobody"))
HEALTH = Request("rest", "/health", verb="GET")
NOWHERE = Request("rest", "/nowhere", verb="GET")


@pytest.fixture(autouse=True)
def h2load() -> None:
    require("h2load")


def test_replies_are_counted_in_requests_and_bytes(house: House) -> None:
    size = once(house.port, HEALTH)
    assert size == len('{"status":"ok"}')
    load = loaded(house.port, [HEALTH, HEALTH], Shape(connections=2, at_once=1), 0.3)
    assert isinstance(load, Load)
    assert load.done > 0
    assert load.rate > 0
    assert load.reply_bytes >= load.done * size


def test_an_error_of_grpc_has_no_bytes(house: House) -> None:
    assert once(house.port, NOBODY) == 0


def test_an_error_of_http_is_none(house: House) -> None:
    with pytest.raises(LoadError, match="1 of 1 requests failed"):
        once(house.port, NOWHERE)
    with pytest.raises(LoadError, match="requests failed"):
        latencies(house.port, NOWHERE, 50, 0.3)


def test_latencies_are_those_of_each_request(house: House) -> None:
    found = latencies(house.port, HEALTH, 100, 1)
    assert 80 <= len(found) <= 120
    assert all(milliseconds > 0 for milliseconds in found)


def test_a_disturbance_that_is_refused_is_none(house: House) -> None:
    with (
        pytest.raises(LoadError, match="GetUser is refused"),
        repeated(house.port, NOBODY, Shape(connections=1, at_once=1)),
    ):
        pytest.fail("it was none")
