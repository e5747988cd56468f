"""One front door that the tests of a process share; those that break something start their own."""

from collections.abc import Iterator

import grpc
import httpx2
import pytest

from .processes import FrontDoor, front_door


@pytest.fixture(scope="session")
def door() -> Iterator[FrontDoor]:
    """Envoy with one worker behind it, as it is configured."""
    with front_door() as running:
        yield running


@pytest.fixture
def client(door: FrontDoor) -> httpx2.Client:
    """Speaks REST to the front door."""
    return door.client


@pytest.fixture
def channel(door: FrontDoor) -> Iterator[grpc.Channel]:
    """Speaks gRPC to the front door, and takes replies of any size."""
    options = (("grpc.max_receive_message_length", -1),)
    with grpc.insecure_channel(door.target, options) as running:
        yield running
