"""HTTP requests built from protobuf requests by the `google.api.http` annotation of their method.

The rules are those of google/api/http.proto: fields named in the path go into the path, the field
named by `body` becomes the JSON body (`*`: all remaining fields), and all others form the query.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from google.api import annotations_pb2, http_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from gymlocker.v2 import options_pb2

VERSION_PREFIX = "/v2/"

# The grammar allows "{id}" and "{id=shelves/*}".
_VARIABLE = re.compile(r"\{([^}=]+)(?:=[^}]*)?\}")


@dataclass(frozen=True)
class HttpRequest:
    """An HTTP request. `path` starts with a slash; `body` is a JSON value, or None for no body."""

    verb: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None


def rules(method: MethodDescriptor) -> list[http_pb2.HttpRule]:
    """Return all HTTP rules of `method`, the main one first."""
    main = method.GetOptions().Extensions[annotations_pb2.http]
    return [rule for rule in (main, *main.additional_bindings) if rule.WhichOneof("pattern")]


def verb_and_path(rule: http_pb2.HttpRule) -> tuple[str, str]:
    """Return the verb (`GET`) and the path template (`/v2/user/{id_or_lookup}`) of a rule."""
    if rule.WhichOneof("pattern") == "custom":
        return rule.custom.kind, rule.custom.path
    verb = str(rule.WhichOneof("pattern"))
    return verb.upper(), getattr(rule, verb)


def choose(method: MethodDescriptor, request: Message, *, versioned: bool) -> http_pb2.HttpRule:
    """Return the first rule whose path starts with `/v2/` (`versioned`), or the first without it.

    If rules differ in the field that they send as the body, prefer one whose field is set.
    Raise LookupError if the contract defines no such path for the method.
    """
    candidates = [
        rule
        for rule in rules(method)
        if verb_and_path(rule)[1].startswith(VERSION_PREFIX) == versioned
    ]
    for rule in candidates:
        if rule.body in ("", "*") or request.HasField(_body_field(rule, request)):
            return rule
    if candidates:
        return candidates[0]
    kind = "with" if versioned else "without"
    raise LookupError(f"{method.full_name} has no path {kind} {VERSION_PREFIX}")


def bind(rule: http_pb2.HttpRule, request: Message) -> HttpRequest:
    """Distribute the fields of `request` over path, query and body."""
    verb, template = verb_and_path(rule)
    fields = json_format.MessageToDict(request)
    path = _VARIABLE.sub(lambda variable: _take(fields, request, variable[1]), template)
    if rule.body == "*":
        return HttpRequest(verb, path, body=fields)
    body = None
    if rule.body:
        name = _body_field(rule, request)
        body = fields.pop(request.DESCRIPTOR.fields_by_name[name].json_name, {})
    return HttpRequest(verb, path, query=tuple(_flatten(fields)), body=body)


def _body_field(rule: http_pb2.HttpRule, request: Message) -> str:
    """Return the name of the field that forms the JSON body."""
    options = request.DESCRIPTOR.fields_by_name[rule.body].GetOptions()
    return options.Extensions[options_pb2.json_of] or rule.body


def _take(fields: dict[str, Any], request: Message, field_path: str) -> str:
    """Remove a field from `fields` and return it quoted; `workout.id` names a nested field."""
    *parents, name = field_path.split(".")
    for parent in parents:
        fields = fields.get(request.DESCRIPTOR.fields_by_name[parent].json_name, {})
        request = getattr(request, parent)
    fields.pop(request.DESCRIPTOR.fields_by_name[name].json_name, None)
    return quote(str(getattr(request, name)), safe="")


def _flatten(fields: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                pairs += _flatten(item, f"{prefix}{name}.")
            elif isinstance(item, bool):
                pairs.append((prefix + name, str(item).lower()))
            else:
                pairs.append((prefix + name, str(item)))
    return pairs
