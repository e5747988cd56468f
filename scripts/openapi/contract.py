"""Services of the contract, their methods and paths."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

PACKAGE = "gymlocker.v2"
# Clients should use the path with the version. The one without it is an alias.
VERSION = "/v2"
# Services in the order of the document: first what newcomers can call, last what needs a purchase.
# The examples tell a story in this order.
_ORDER = (
    "UserService",
    "AuthService",
    "WorkoutService",
    "ExerciseService",
    "BackupService",
    "FollowService",
    "EventService",
    "InboxService",
    "PushService",
    "ShareService",
    "SystemService",
    "AiService",
)


@dataclass(frozen=True)
class Contract:
    """Services in the order of the document, and comments by full name."""

    services: tuple[ServiceDescriptor, ...]
    comments: Mapping[str, str]


@dataclass(frozen=True)
class Binding:
    """Verb and path of a call. `body` is the field in the body, "*" for all fields, "" for none."""

    verb: str
    path: str
    body: str

    @property
    def is_alias(self) -> bool:
        """True for the path without the version."""
        return not self.path.startswith(f"{VERSION}/")


def services_in(files: FileDescriptorSet) -> list[ServiceDescriptor]:
    """Return the services of our package, whose modules must have been generated, in order.

    Raises ValueError if a service has no place in the order.
    """
    return sorted(_services_in(files), key=lambda service: _ORDER.index(service.name))


def _services_in(files: FileDescriptorSet) -> Iterator[ServiceDescriptor]:
    for file in files.file:
        if file.package == PACKAGE:
            module = import_module(f"{file.name.removesuffix('.proto').replace('/', '.')}_pb2")
            yield from module.DESCRIPTOR.services_by_name.values()


def bindings_of(method: MethodDescriptor) -> list[Binding]:
    """Return the paths of a method, the main one first; none if REST does not have the method."""
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return []
    rule = options.Extensions[annotations_pb2.http]
    return [_binding(each) for each in (rule, *rule.additional_bindings)]


def _binding(rule: http_pb2.HttpRule) -> Binding:
    pattern = rule.WhichOneof("pattern")
    if rule.response_body:
        raise ValueError(f"{rule}: this generator does not support response_body")
    if pattern == "custom":
        return Binding(rule.custom.kind.lower(), rule.custom.path, rule.body)
    return Binding(pattern, getattr(rule, pattern), rule.body)
