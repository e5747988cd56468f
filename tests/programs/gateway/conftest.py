"""A front door shared by the tests of a process; tests that break it start their own."""

from collections.abc import Iterator

import grpc
import httpx2
import pytest

from .processes import FrontDoor, front_door


@pytest.fixture(scope="session")
def door() -> Iterator[FrontDoor]:
    """Envoy with the real configuration and one worker."""
    with front_door() as running:
        yield running


@pytest.fixture
def client(door: FrontDoor) -> httpx2.Client:
    """A REST client of the front door."""
    return door.client


@pytest.fixture
def channel(door: FrontDoor) -> Iterator[grpc.Channel]:
    """A gRPC channel to the front door that accepts responses of any size."""
    options = (("grpc.max_receive_message_length", -1),)
    with grpc.insecure_channel(door.target, options) as running:
        yield running
