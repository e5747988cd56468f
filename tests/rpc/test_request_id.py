"""Request ids: the caller's own if it does no harm in a log or a header, else a new one."""

from uuid import UUID

import pytest

from server.rpc.request_id import request_id_of
from tests.rpc.fakes import FakeContext


@pytest.mark.parametrize(
    "request_id",
    ["a", "8a6e0804-2bd0-4672-b79d-d97027f9071a", "A.b_c:d/e+f=-", "a b", 'a"b', "{}"],
)
def test_a_harmless_id_is_kept(request_id: str) -> None:
    assert request_id_of(FakeContext((("x-request-id", request_id),)).context) == request_id


@pytest.mark.parametrize(
    "request_id",
    ["", "a\nb", "a\n", "é", "１", b"bytes"],
)
def test_a_bad_id_is_replaced(request_id: str | bytes) -> None:
    made = request_id_of(FakeContext((("x-request-id", request_id),)).context)
    assert made == str(UUID(made))


@pytest.mark.parametrize("metadata", [None, (), (("x-other", "abc"),)])
def test_a_missing_id_is_made(metadata: tuple[tuple[str, str | bytes], ...] | None) -> None:
    first, second = (request_id_of(FakeContext(metadata).context) for _ in range(2))
    assert first != second
    assert first == str(UUID(first))


def test_the_first_id_that_does_no_harm_is_taken() -> None:
    metadata = (("x-request-id", "é"), ("x-request-id", "fine"), ("x-request-id", "late"))
    assert request_id_of(FakeContext(metadata).context) == "fine"


def test_a_long_id_is_cut() -> None:
    metadata = (("x-request-id", "x" * 129),)
    assert request_id_of(FakeContext(metadata).context) == "x" * 128
