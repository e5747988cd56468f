"""Checks of rejections beyond a limit."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc import StatusCode

from server.programs.demo.transport import CallError
from tests.support.client import error_info


@contextmanager
def refused_for(reason: str, *, seconds: int | None = None) -> Iterator[None]:
    """Expect RESOURCE_EXHAUSTED with a reason, a sentence, and a time to retry after."""
    with pytest.raises(CallError) as raised:
        yield
    error = raised.value
    assert (error.code, error_info(error).reason) == (StatusCode.RESOURCE_EXHAUSTED, reason)
    assert error.message.endswith(".")
    [retry] = [detail for detail in error.details.details if detail.Is(RetryInfo.DESCRIPTOR)]
    info = RetryInfo()
    retry.Unpack(info)
    assert info.retry_delay.seconds > 0
    assert seconds in (None, info.retry_delay.seconds)
