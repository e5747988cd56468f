"""Fake of the context that gRPC passes to handlers and interceptors."""

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
    """Return a method of the contract, such as `UserService/GetUser`."""
    return METHODS[f"/gymlocker.v2.{name}"]


@dataclass
class FakeContext:
    """A context that records the abort of its call."""

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
        """Return itself with the type that interceptors expect."""
        return cast(Context, self)

    @property
    def status(self) -> Status:
        """Return the status of the aborted call."""
        return Status.FromString(self.trailing["grpc-status-details-bin"])

    def detail(self, kind: type[ErrorInfo | BadRequest | RetryInfo]) -> Any:
        """Return the detail of a type; an empty one if there is none."""
        message = kind()
        for detail in self.status.details:
            if detail.Is(kind.DESCRIPTOR):
                detail.Unpack(message)
        return message
