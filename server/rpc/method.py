"""What the contract says of a method, read from its descriptor."""

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from gymlocker.v2 import options_pb2


@dataclass(frozen=True)
class Method:
    """One RPC. `path` is as gRPC sends it: /gymlocker.v2.UserService/GetUser."""

    path: str
    request: type[Message]
    streams_requests: bool
    streams_replies: bool
    has_no_side_effects: bool
    authentication: options_pb2.Authentication


def methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """The methods of `services` by path.

    Raises ValueError for one that does not declare how its caller is authenticated.
    """
    methods = (_method(descriptor) for service in services for descriptor in service.methods)
    return {method.path: method for method in methods}


def _method(descriptor: MethodDescriptor) -> Method:
    options = descriptor.GetOptions()
    authentication = options.Extensions[options_pb2.authentication]
    if authentication.scheme == options_pb2.Authentication.SCHEME_UNSPECIFIED:
        raise ValueError(f"{descriptor.full_name} does not declare its authentication")
    return Method(
        path=f"/{descriptor.containing_service.full_name}/{descriptor.name}",
        request=GetMessageClass(descriptor.input_type),
        streams_requests=descriptor.client_streaming,
        streams_replies=descriptor.server_streaming,
        has_no_side_effects=options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS,
        authentication=authentication,
    )
