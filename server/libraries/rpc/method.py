"""Methods of the contract and their declared options, read from descriptors."""

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
    """One RPC. `path` is the path in gRPC: /gymlocker.v2.UserService/GetUser.

    A method is served if one of its `features` is enabled or it has none. `may_be_empty` is true of
    request streams that may end before the first message.
    """

    path: str
    name: str
    request: type[Message]
    streams_requests: bool
    streams_responses: bool
    has_side_effects: bool
    authentication: options_pb2.Authentication
    features: frozenset[Feature]
    # Allowed names in the query. None allows any, because the call changes nothing.
    parameters: frozenset[str] | None
    may_be_empty: bool = False

    @property
    def streams(self) -> bool:
        """Check whether either side sends a stream."""
        return self.streams_requests or self.streams_responses

    @property
    def watches(self) -> bool:
        """Check whether calls wait for changes, for as long as their client stays."""
        return self.streams_responses and self.name.startswith("Watch")


_WITHOUT_CREDENTIALS = options_pb2.Authentication(scheme=options_pb2.Authentication.SCHEME_NONE)

# Stands for every method that is not served, in the log and the metrics.
UNKNOWN = Method(
    "/unknown",
    "unknown",
    Empty,
    streams_requests=True,
    streams_responses=False,
    has_side_effects=False,
    authentication=_WITHOUT_CREDENTIALS,
    features=frozenset(),
    parameters=None,
)


def methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """Return the methods of `services` by path.

    Raises ValueError if a method does not declare its authentication.
    """
    return _by_path(services, _declared_authentication)


def public_methods_of(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """Return the methods of third-party `services` by path; they need no authentication."""
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
            streams_responses=descriptor.server_streaming,
            has_side_effects=_has_side_effects(descriptor),
            authentication=authentication_of(descriptor),
            features=frozenset(service.GetOptions().Extensions[options_pb2.feature]),
            parameters=_parameters(descriptor),
            # A chat may end before its first message.
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
    """Return the query parameters of a method: fields outside the body, in both spellings."""
    options = descriptor.GetOptions()
    rule = options.Extensions[http]
    if not _has_side_effects(descriptor) or rule.get:
        return None
    names: set[str] = set()
    for binding in (rule, *rule.additional_bindings):
        # Fields in the path may be repeated in the query, where they are ignored (see envoy.yaml).
        in_path = re.findall(r"\{(\w+)\}", str(binding))
        for field in descriptor.input_type.fields:
            if field.name in in_path or (binding.body != "*" and not _is_body(field, binding.body)):
                names |= {field.name, field.json_name}
    return frozenset(names)


def _is_body(field: FieldDescriptor, body: str) -> bool:
    """Check whether a field is the body, or in the same oneof as the body."""
    siblings = field.containing_oneof.fields if field.containing_oneof else ()
    return body in {field.name, *(each.name for each in siblings)}
