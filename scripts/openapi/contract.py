"""The services of the contract, their methods, and the paths of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

PACKAGE = "gymlocker.v2"
# The path with the version is the one to use; the one without it is the same call.
VERSION = "/v2"


@dataclass(frozen=True)
class Contract:
    """The services in the order of their files, and the comments by full name."""

    services: tuple[ServiceDescriptor, ...]
    comments: Mapping[str, str]


@dataclass(frozen=True)
class Binding:
    """A verb and a path; `body` is the field that the body becomes, "*" all of them, "" none."""

    verb: str
    path: str
    body: str

    @property
    def is_alias(self) -> bool:
        """Whether it is the path without the version."""
        return not self.path.startswith(f"{VERSION}/")


def services_in(files: FileDescriptorSet) -> Iterator[ServiceDescriptor]:
    """The services of our package, whose modules are generated already."""
    for file in files.file:
        if file.package == PACKAGE:
            module = import_module(f"{file.name.removesuffix('.proto').replace('/', '.')}_pb2")
            yield from module.DESCRIPTOR.services_by_name.values()


def bindings_of(method: MethodDescriptor) -> list[Binding]:
    """The paths of a method, the first one first; none of one that REST has not."""
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return []
    rule = options.Extensions[annotations_pb2.http]
    return [_binding(each) for each in (rule, *rule.additional_bindings)]


def _binding(rule: http_pb2.HttpRule) -> Binding:
    pattern = rule.WhichOneof("pattern")
    if rule.response_body:
        raise ValueError(f"{rule}: response_body is not described by this generator")
    if pattern == "custom":
        return Binding(rule.custom.kind.lower(), rule.custom.path, rule.body)
    return Binding(pattern, getattr(rule, pattern), rule.body)
