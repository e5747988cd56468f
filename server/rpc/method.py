"""What the contract says of a method, read from its descriptor."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from google.api.annotations_pb2 import http
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from gymlocker.v2 import options_pb2


@dataclass(frozen=True)
class Method:
    """One RPC. `path` is as gRPC sends it: /gymlocker.v2.UserService/GetUser."""

    path: str
    request: type[Message]
    streams_requests: bool
    authentication: options_pb2.Authentication
    # The names that a query may have. None: any, for the call changes nothing.
    parameters: frozenset[str] | None


def methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """The methods of `services` by path.

    Raises ValueError for one that does not declare how its caller is authenticated.
    """
    methods = (_method(descriptor) for service in services for descriptor in service.methods)
    return {method.path: method for method in methods}


def _method(descriptor: MethodDescriptor) -> Method:
    authentication = descriptor.GetOptions().Extensions[options_pb2.authentication]
    if authentication.scheme == options_pb2.Authentication.SCHEME_UNSPECIFIED:
        raise ValueError(f"{descriptor.full_name} does not declare its authentication")
    return Method(
        path=f"/{descriptor.containing_service.full_name}/{descriptor.name}",
        request=GetMessageClass(descriptor.input_type),
        streams_requests=descriptor.client_streaming,
        authentication=authentication,
        parameters=_parameters(descriptor),
    )


def _parameters(descriptor: MethodDescriptor) -> frozenset[str] | None:
    """The query parameters of a method in both spellings: what no body holds."""
    options = descriptor.GetOptions()
    rule = options.Extensions[http]
    if options.idempotency_level == options.NO_SIDE_EFFECTS or rule.get:
        return None
    names: set[str] = set()
    for binding in (rule, *rule.additional_bindings):
        # What stands in the path may stand there, too, and is passed over (see envoy.yaml).
        in_path = re.findall(r"\{(\w+)\}", str(binding))
        for field in descriptor.input_type.fields:
            if field.name in in_path or (binding.body != "*" and not _is_sent(field, binding.body)):
                names |= {field.name, field.json_name}
    return frozenset(names)


def _is_sent(field: FieldDescriptor, body: str) -> bool:
    """Whether a field is the body, or another arm of the oneof that the body is in."""
    others = field.containing_oneof.fields if field.containing_oneof else ()
    return body in {field.name, *(each.name for each in others)}
