"""The REST paths and their methods, read from the contract's descriptors.

The front door uses them to answer OPTIONS, and 405 for a method that a path does not support.
"""

import re
from collections import defaultdict
from pathlib import Path

from google.api.annotations_pb2 import http
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import FileDescriptorSet

# Characters with a special meaning in Lua patterns.
_MAGIC = re.compile(r"[-^$()%.\[\]*+?]")
_VARIABLE = re.compile(r"\{\w+\}")
# Pages of the web process, which no other method reaches (see the routes in envoy.yaml).
PAGES = dict.fromkeys(
    ("/", "/docs", "/redoc", "/openapi%.json", "/docs/static/[A-Za-z0-9._-]+"), "GET HEAD"
)


def methods_by_path(descriptor_set: Path) -> dict[str, str]:
    """Return the methods of each path, such as "GET HEAD", by the path's Lua pattern."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in FileDescriptorSet.FromString(descriptor_set.read_bytes()).file:
        for service in file.service:
            for method in service.method:
                rule = method.options.Extensions[http]
                for binding in (rule, *rule.additional_bindings):
                    verb, path = _verb_and_path(binding)
                    # The front door answers HEAD wherever there is GET.
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
    """Return the Lua pattern of a path, in which a variable is one segment."""
    return "[^/]+".join(_MAGIC.sub(r"%\g<0>", part) for part in _VARIABLE.split(path))
