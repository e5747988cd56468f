"""What the contract says of a method, read from its descriptor."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from gymlocker.v2 import options_pb2


@dataclass(frozen=True)
class Method:
    """One RPC. `path` is as gRPC sends it: /gymlocker.v2.UserService/GetUser.

    `may_be_empty` is said of streams of requests that may end before the first one.
    """

    path: str
    request: type[Message]
    streams_requests: bool
    authentication: options_pb2.Authentication
    may_be_empty: bool = False


_WITHOUT_CREDENTIALS = options_pb2.Authentication(scheme=options_pb2.Authentication.SCHEME_NONE)

# Every method that is not served: in the log and the metrics they are one.
UNKNOWN = Method("/unknown", Empty, streams_requests=True, authentication=_WITHOUT_CREDENTIALS)


def methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """The methods of `services` by path.

    Raises ValueError for one that does not declare how its caller is authenticated.
    """
    return _by_path(services, _declared)


def public_methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """The methods of libraries' `services` by path, which declare nothing and are open to all."""
    return _by_path(services, partial(_method, authentication=_WITHOUT_CREDENTIALS))


def _by_path(
    services: Iterable[ServiceDescriptor], method_of: Callable[[MethodDescriptor], Method]
) -> dict[str, Method]:
    methods = (method_of(descriptor) for service in services for descriptor in service.methods)
    return {method.path: method for method in methods}


def _declared(descriptor: MethodDescriptor) -> Method:
    authentication = descriptor.GetOptions().Extensions[options_pb2.authentication]
    if authentication.scheme == options_pb2.Authentication.SCHEME_UNSPECIFIED:
        raise ValueError(f"{descriptor.full_name} does not declare its authentication")
    # A conversation may end before the caller has said anything.
    is_conversation = descriptor.client_streaming and descriptor.server_streaming
    return _method(descriptor, authentication, may_be_empty=is_conversation)


def _method(
    descriptor: MethodDescriptor,
    authentication: options_pb2.Authentication,
    *,
    may_be_empty: bool = False,
) -> Method:
    return Method(
        path=f"/{descriptor.containing_service.full_name}/{descriptor.name}",
        request=GetMessageClass(descriptor.input_type),
        streams_requests=descriptor.client_streaming,
        authentication=authentication,
        may_be_empty=may_be_empty,
    )
