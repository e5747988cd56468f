"""Request ids: the caller's own if it does no harm in a log or a header, else a new one."""

from uuid import UUID

import pytest

from server.rpc.request_id import new_request_id, request_id_in
from tests.rpc.fakes import FakeContext


@pytest.mark.parametrize(
    "request_id",
    ["a", "8a6e0804-2bd0-4672-b79d-d97027f9071a", "A.b_c:d/e+f=-", "a b", 'a"b', "{}"],
)
def test_a_harmless_id_is_kept(request_id: str) -> None:
    assert request_id_in(FakeContext((("x-request-id", request_id),)).context) == request_id


@pytest.mark.parametrize(
    "request_id",
    ["", "a\nb", "a\n", "é", "１", b"bytes"],
)
def test_a_bad_id_is_none(request_id: str | bytes) -> None:
    assert request_id_in(FakeContext((("x-request-id", request_id),)).context) is None


@pytest.mark.parametrize("metadata", [None, (), (("x-other", "abc"),)])
def test_there_may_be_none(metadata: tuple[tuple[str, str | bytes], ...] | None) -> None:
    assert request_id_in(FakeContext(metadata).context) is None


def test_new_ids_are_uuids_and_differ() -> None:
    made = {new_request_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(text == str(UUID(text)) and UUID(text).version == 4 for text in made)


def test_the_first_id_that_does_no_harm_is_taken() -> None:
    metadata = (("x-request-id", "é"), ("x-request-id", "fine"), ("x-request-id", "late"))
    assert request_id_in(FakeContext(metadata).context) == "fine"


def test_a_long_id_is_cut() -> None:
    metadata = (("x-request-id", "x" * 129),)
    assert request_id_in(FakeContext(metadata).context) == "x" * 128
