"""What gRPC gives to an interceptor, without gRPC."""

from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from server.libraries.rpc.context import Context
from server.libraries.rpc.method import Method
from server.programs.worker.contract import contract_methods

METHODS = contract_methods()


def method(name: str) -> Method:
    """The method `UserService/GetUser` of the contract."""
    return METHODS[f"/gymlocker.v2.{name}"]


@dataclass
class FakeContext:
    """A call's context that remembers how the call was aborted."""

    code: grpc.StatusCode | None = None
    message: str = ""
    trailing: dict[str, Any] = field(default_factory=dict)

    async def abort(
        self, code: grpc.StatusCode, details: str, trailing_metadata: tuple[Any, ...]
    ) -> NoReturn:
        self.code, self.message, self.trailing = code, details, dict(trailing_metadata)
        raise grpc.aio.AbortError("aborted")

    @property
    def context(self) -> Context:
        """This, as the interceptors' type."""
        return cast(Context, self)

    @property
    def status(self) -> Status:
        """The whole status that the call was aborted with."""
        return Status.FromString(self.trailing["grpc-status-details-bin"])

    def detail(self, kind: type[ErrorInfo | BadRequest | RetryInfo]) -> Any:
        """The detail of that type; an empty one if there is none."""
        message = kind()
        for detail in self.status.details:
            if detail.Is(kind.DESCRIPTOR):
                detail.Unpack(message)
        return message
