"""The paths of REST and their methods, read from the contract's descriptors.

The front door answers OPTIONS by them, and calls with a method that a path does not have.
"""

import re
from collections import defaultdict
from pathlib import Path

from google.api.annotations_pb2 import http
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import FileDescriptorSet

# What a Lua pattern takes for something else than itself.
_MAGIC = re.compile(r"[-^$()%.\[\]*+?]")
_VARIABLE = re.compile(r"\{\w+\}")
# Of the web process, which other methods do not reach (see the routes in envoy.yaml).
PAGES = dict.fromkeys(
    ("/", "/docs", "/redoc", "/openapi%.json", "/docs/static/[A-Za-z0-9._-]+"), "GET HEAD"
)


def methods_by_path(descriptor_set: Path) -> dict[str, str]:
    """Returns the methods of each path, such as "GET HEAD", by a Lua pattern of the path."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in FileDescriptorSet.FromString(descriptor_set.read_bytes()).file:
        for service in file.service:
            for method in service.method:
                rule = method.options.Extensions[http]
                for binding in (rule, *rule.additional_bindings):
                    verb, path = _verb_and_path(binding)
                    # The front door makes a HEAD of each GET.
                    found[path] |= {verb, "HEAD"} if verb == "GET" else {verb}
    found.pop("", None)
    return {_pattern(path): " ".join(sorted(verbs)) for path, verbs in sorted(found.items())}


def _verb_and_path(rule: HttpRule) -> tuple[str, str]:
    kind = rule.WhichOneof("pattern")
    if kind is None:
        return "", ""
    if kind == "custom":
        return rule.custom.kind, rule.custom.path
    return kind.upper(), getattr(rule, kind)


def _pattern(path: str) -> str:
    """Returns the Lua pattern of a path, in which a variable is one segment."""
    return "[^/]+".join(_MAGIC.sub(r"%\g<0>", part) for part in _VARIABLE.split(path))
