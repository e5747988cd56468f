"""A mixed load is one only if each of its requests is answered."""

import pytest

from benchmarks.h2load import LoadError, Request
from benchmarks.wrk import mixed
from tests.support.stack import Stack
from tests.support.tools import require

HEALTH = Request("rest", "/health", verb="GET")
NOWHERE = Request("rest", "/nowhere", verb="GET")
USERS = Request("rest", "/v2/users", b'{"ids":["8a6e0804-2bd0-4672-b79d-d97027f9071a"]}')


@pytest.fixture(autouse=True)
def wrk() -> None:
    require("wrk")


def test_requests_are_sent_in_turns(stack: Stack) -> None:
    load = mixed(stack.port, [HEALTH, USERS], clients=2, seconds=0.5)
    assert load.done > 0
    assert load.rate > 0


def test_one_that_fails_is_an_error(stack: Stack) -> None:
    with pytest.raises(LoadError, match="Non-2xx"):
        mixed(stack.port, [HEALTH, NOWHERE], clients=1, seconds=1)


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(LoadError, match="wrk said"):
        mixed(1, [HEALTH], clients=1, seconds=1)
