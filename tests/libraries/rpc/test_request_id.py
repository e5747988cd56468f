"""Request ids: the client's own if it is safe in logs and headers, else a new one."""

from uuid import UUID

import pytest

from server.libraries.rpc.context import Metadata, current_metadata, given_request_id
from server.libraries.rpc.request_id import new_request_id


def given(metadata: Metadata) -> str | None:
    """Return the request id in metadata."""
    token = current_metadata.set(metadata)
    try:
        return given_request_id()
    finally:
        current_metadata.reset(token)


@pytest.mark.parametrize(
    "request_id",
    ["a", "8a6e0804-2bd0-4672-b79d-d97027f9071a", "A.b_c:d/e+f=-", "a b", 'a"b', "{}"],
)
def test_keeps_a_printable_id(request_id: str) -> None:
    assert given((("x-request-id", request_id),)) == request_id


@pytest.mark.parametrize(
    "request_id",
    ["", "a\nb", "a\n", "é", "１", b"bytes"],
)
def test_ignores_an_unprintable_id(request_id: str | bytes) -> None:
    assert given((("x-request-id", request_id),)) is None


@pytest.mark.parametrize("metadata", [(), (("x-other", "abc"),)])
def test_returns_none_without_an_id(metadata: Metadata) -> None:
    assert given(metadata) is None


def test_new_ids_are_distinct_uuids() -> None:
    made = {new_request_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(text == str(UUID(text)) and UUID(text).version == 4 for text in made)


def test_takes_the_first_printable_id() -> None:
    metadata = (("x-request-id", "é"), ("x-request-id", "fine"), ("x-request-id", "late"))
    assert given(metadata) == "fine"


def test_cuts_a_long_id() -> None:
    metadata = (("x-request-id", "x" * 129),)
    assert given(metadata) == "x" * 128
