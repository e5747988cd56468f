"""What the contract says of a method, read from its descriptor."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from google.api.annotations_pb2 import http
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from gymlocker.v2 import options_pb2

Feature: TypeAlias = options_pb2.Feature.ValueType


@dataclass(frozen=True)
class Method:
    """One RPC. `path` is as gRPC sends it: /gymlocker.v2.UserService/GetUser.

    It is served as long as one of its `features` is on; without any, always. `may_be_empty` is said
    of streams of requests that may end before the first one.
    """

    path: str
    name: str
    request: type[Message]
    streams_requests: bool
    streams_replies: bool
    has_side_effects: bool
    authentication: options_pb2.Authentication
    features: frozenset[Feature]
    # The names that a query may have. None: any, for the call changes nothing.
    parameters: frozenset[str] | None
    may_be_empty: bool = False

    @property
    def streams(self) -> bool:
        """Whether either side sends a stream."""
        return self.streams_requests or self.streams_replies


_WITHOUT_CREDENTIALS = options_pb2.Authentication(scheme=options_pb2.Authentication.SCHEME_NONE)

# Every method that is not served: in the log and the metrics they are one.
UNKNOWN = Method(
    "/unknown",
    "unknown",
    Empty,
    streams_requests=True,
    streams_replies=False,
    has_side_effects=False,
    authentication=_WITHOUT_CREDENTIALS,
    features=frozenset(),
    parameters=None,
)


def methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """The methods of `services` by path.

    Raises ValueError for one that does not declare how its caller is authenticated.
    """
    return _by_path(services, _declared_authentication)


def public_methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """The methods of libraries' `services` by path, which declare nothing and are open to all."""
    methods = _by_path(services, lambda _: _WITHOUT_CREDENTIALS)
    return {
        path: replace(method, has_side_effects=False, may_be_empty=False)
        for path, method in methods.items()
    }


def _by_path(
    services: Iterable[ServiceDescriptor],
    authentication_of: Callable[[MethodDescriptor], options_pb2.Authentication],
) -> dict[str, Method]:
    methods = (
        Method(
            path=f"/{service.full_name}/{descriptor.name}",
            name=descriptor.name,
            request=GetMessageClass(descriptor.input_type),
            streams_requests=descriptor.client_streaming,
            streams_replies=descriptor.server_streaming,
            has_side_effects=_has_side_effects(descriptor),
            authentication=authentication_of(descriptor),
            features=frozenset(service.GetOptions().Extensions[options_pb2.feature]),
            parameters=_parameters(descriptor),
            # A conversation may end before the caller has said anything.
            may_be_empty=descriptor.client_streaming and descriptor.server_streaming,
        )
        for service in services
        for descriptor in service.methods
    )
    return {method.path: method for method in methods}


def _declared_authentication(descriptor: MethodDescriptor) -> options_pb2.Authentication:
    authentication = descriptor.GetOptions().Extensions[options_pb2.authentication]
    if authentication.scheme == options_pb2.Authentication.SCHEME_UNSPECIFIED:
        raise ValueError(f"{descriptor.full_name} does not declare its authentication")
    return authentication


def _has_side_effects(descriptor: MethodDescriptor) -> bool:
    options = descriptor.GetOptions()
    return bool(options.idempotency_level != options.NO_SIDE_EFFECTS)


def _parameters(descriptor: MethodDescriptor) -> frozenset[str] | None:
    """The query parameters of a method in both spellings: what no body holds."""
    options = descriptor.GetOptions()
    rule = options.Extensions[http]
    if not _has_side_effects(descriptor) or rule.get:
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
