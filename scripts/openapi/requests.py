"""Parameters and bodies, as Envoy's transcoder accepts them.

A body of "*" is the whole message; one that names a field is that field. Fields in neither the path
nor the body go into the query, except the other members of a oneof that the body belongs to. The
field `etag` is the header If-Match.
"""

import re
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from gymlocker.v2 import options_pb2

from scripts.openapi import files
from scripts.openapi.contract import Binding
from scripts.openapi.examples import example_of
from scripts.openapi.limits import Json
from scripts.openapi.schemas import Schemas, required_in

_VARIABLE = re.compile(r"\{(\w+)\}")
_ETAG = "etag"
# Envoy ignores these in a query (envoy.yaml).
_ONLY_IN_A_PATH = ("id", "id_or_lookup")
# Visible ASCII, as HTTP allows it in a header.
_IN_A_HEADER = "^[ -~]*$"
# Envoy rejects a path with an encoded slash or NUL.
_IN_A_PATH = r"^[^/\\\x00]*$"
_TAGS: Json = {"type": "string", "maxLength": 1000, "pattern": _IN_A_HEADER}
_IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "The `etag` of the workout that the caller read, or several, separated by "
    "commas. The call fails with 412 if the workout has changed since. If absent or `*`, the "
    "change is made in any case (RFC 9110, 13.1.1).",
    "schema": _TAGS,
}
_IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `etag` of the file that the caller has, or several, separated by commas. "
    "If the file is one of these, the reply is 304 (RFC 9110, 13.1.2).",
    "schema": _TAGS,
}


def sent_messages(method: MethodDescriptor, bindings: list[Binding]) -> Iterator[Descriptor]:
    """Yield the messages of the bodies."""
    for binding in bindings:
        body = _body_message(method, binding)
        if body is not None and not files.is_file(body):
            yield body


def has_parameters(method: MethodDescriptor, binding: Binding) -> bool:
    """Return whether a call has fields in its path or query."""
    in_path = _VARIABLE.search(binding.path)
    return bool(in_path or any(_query_fields(method.input_type, binding)))


def parameters_of(method: MethodDescriptor, binding: Binding, schemas: Schemas) -> list[Json]:
    """Return the parameters of a call, path parameters first."""
    message = method.input_type
    in_path = _VARIABLE.findall(binding.path)
    fields = [message.fields_by_name[name] for name in in_path]
    return [
        *(_in_path(message, field, schemas) for field in fields),
        *(_in_query(message, field, schemas) for field in _query_fields(message, binding)),
        *(_IF_MATCH for field in message.fields if field.name == _ETAG),
        *([_IF_NONE_MATCH] if files.is_conditional(method) else []),
    ]


def body_of(method: MethodDescriptor, binding: Binding, schemas: Schemas) -> Json | None:
    """Return the body of a call; None if there is none."""
    message = _body_message(method, binding)
    if message is None:
        return None
    if files.is_file(message):
        return {"required": True, "content": files.sent(method)}
    content = {
        "schema": schemas.reference(message, sent=True),
        "example": example_of(message),
    }
    required = bool(required_in(message))
    return {"required": required, "content": {"application/json": content}}


def _body_message(method: MethodDescriptor, binding: Binding) -> Descriptor | None:
    if binding.body in ("", "*"):
        return method.input_type if binding.body else None
    message = method.input_type
    field = message.fields_by_name[binding.body]
    json_of = field.GetOptions().Extensions[options_pb2.json_of]
    return message.fields_by_name[json_of].message_type if json_of else field.message_type


def _query_fields(message: Descriptor, binding: Binding) -> Iterator[FieldDescriptor]:
    if binding.body == "*":
        return
    taken = {*_VARIABLE.findall(binding.path), binding.body, _ETAG, *_ONLY_IN_A_PATH}
    if binding.body and (oneof := message.fields_by_name[binding.body].containing_oneof):
        taken |= {field.name for field in oneof.fields}
    yield from (field for field in message.fields if field.name not in taken)


def _in_path(message: Descriptor, field: FieldDescriptor, schemas: Schemas) -> Json:
    schema = schemas.field(field, sent=True)
    if "format" not in schema:
        schema["pattern"] = _IN_A_PATH
    return _parameter(message, field, "path", schema) | {"name": field.name, "required": True}


def _in_query(message: Descriptor, field: FieldDescriptor, schemas: Schemas) -> Json:
    schema = schemas.field(field, sent=True)
    if "$ref" in schema:
        raise ValueError(f"{field.full_name}: this generator does not support messages in a query")
    required = {"required": True} if field.json_name in required_in(message) else {}
    return _parameter(message, field, "query", schema) | required


def _parameter(message: Descriptor, field: FieldDescriptor, place: str, schema: Json) -> Json:
    examples = example_of(message)
    example = {"example": examples[field.json_name]} if field.json_name in examples else {}
    about = schema.pop("description")
    return {
        "name": field.json_name,
        "in": place,
        "description": about,
        "schema": schema,
        **example,
    }
