"""Encoding of hints."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from server.libraries.common import rate_limited_log
from server.libraries.hints.hint import HINT_BYTES, Hint, Topic, decoded, encoded

HINTS = st.lists(st.builds(Hint, st.sampled_from(Topic), st.uuids()), max_size=50)


@given(hints=HINTS, max_bytes=st.integers(HINT_BYTES, 500))
def test_decoded_messages_are_encoded_hints(hints: list[Hint], max_bytes: int) -> None:
    messages = list(encoded(hints, max_bytes))
    assert all(0 < len(message) <= max_bytes for message in messages)
    assert [hint for message in messages for hint in decoded(message)] == hints


@given(data=st.binary(max_size=200))
def test_decodes_any_bytes_without_error(data: bytes) -> None:
    assert len(list(decoded(data))) <= len(data) // HINT_BYTES


def test_messages_are_full() -> None:
    hints = [Hint(Topic.EVENTS, uuid4()) for _ in range(7)]
    sizes = [len(message) for message in encoded(hints, 3 * HINT_BYTES + 5)]
    assert sizes == [3 * HINT_BYTES, 3 * HINT_BYTES, HINT_BYTES]


def test_skips_unknown_topics() -> None:
    known = Hint(Topic.INBOX, uuid4())
    (message,) = encoded([known], 100)
    unknown = bytes([200]) + uuid4().bytes
    assert list(decoded(unknown + message + unknown)) == [known]


def test_numbers_are_those_of_other_releases() -> None:
    assert {topic.name: topic.value for topic in Topic} == {"EVENTS": 1, "ACCESS": 2, "INBOX": 3}
    (message,) = encoded([Hint(Topic.ACCESS, UUID(int=5))], 100)
    assert message == bytes([2] + [0] * 15 + [5])


def test_logs_malformed_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limited_log, "INTERVAL_SECONDS", 0)
    with capture_logs() as logs:
        assert list(decoded(b"canary" * 4)) == []
    assert [(log["event"], log["size"]) for log in logs] == [("malformed_hints", 24)]
    assert "canary" not in str(logs)
