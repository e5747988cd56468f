"""Messages as schemas.

A message that is only sent, or only received, has one schema under its own name. A message that is
both has two, because they differ: `Plan` describes replies, which contain every field that is not
optional, and `Plan.Input` describes requests, with the limits of the contract.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

import protovalidate
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from scripts.openapi.contract import Contract
from scripts.openapi.limits import Json, in_words, limits_of, may_be_zero, rules_of, size_of

_TYPES: dict[int, Json] = {
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    # Numbers of JSON are too small for 64 bits.
    FieldDescriptor.CPPTYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
}
_BYTES: Json = {"type": "string", "contentEncoding": "base64"}
_WELL_KNOWN: dict[str, Json] = {
    "google.protobuf.Timestamp": {
        "type": "string",
        "format": "date-time",
        # In UTC, the years 1 to 9999. An offset must not move a time out of them.
        "not": {"pattern": r"^(0000|0001-01-01.*[+].*[1-9]|9999-12-31.*T.*-.*[1-9])"},
    },
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+([.][0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.rpc.Status": {"$ref": "#/components/schemas/Error"},
}


class Schemas:
    """Schemas of the messages that are sent and received."""

    def __init__(
        self, contract: Contract, sent: Iterable[Descriptor], received: Iterable[Descriptor]
    ) -> None:
        self._comments = contract.comments
        self._sent = _reachable(sent)
        self._received = _reachable(received)

    def components(self) -> Json:
        """Return all schemas by name."""
        sent = {self.name(each, sent=True): self.sent(each) for each in self._sent.values()}
        received = {
            self.name(each, sent=False): self.received(each) for each in self._received.values()
        }
        return dict(sorted((sent | received).items()))

    def name(self, message: Descriptor, *, sent: bool) -> str:
        """Return the name of a message's schema."""
        return (
            f"{message.name}.Input"
            if sent and message.full_name in self._received
            else (message.name)
        )

    def reference(self, message: Descriptor, *, sent: bool) -> Json:
        """Return a reference to a message's schema."""
        if message.full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[message.full_name])
        return {"$ref": f"#/components/schemas/{self.name(message, sent=sent)}"}

    def sent(self, message: Descriptor) -> Json:
        """Return the schema of a request. A field is required if an empty request lacks it."""
        schema = self._object(message, sent=True)
        rules = message.GetOptions().Extensions[validate_pb2.message]
        if words := in_words(rules):
            schema["description"] = " ".join([schema["description"], *words])
        required = required_in(message)
        return schema | ({"required": required} if required else {})

    def received(self, message: Descriptor) -> Json:
        """Return the schema of a reply. All fields are required except those that may be unset."""
        schema = self._object(message, sent=False)
        required = [field.json_name for field in message.fields if not field.has_presence]
        return schema | ({"required": required} if required else {})

    def field(self, field: FieldDescriptor, *, sent: bool) -> Json:
        """Return the schema of a field as it is sent or received."""
        rules = rules_of(field) if sent else validate_pb2.FieldRules()
        schema = self._value(field, rules, sent=sent)
        if may_be_zero(rules):
            schema = _or_empty(schema)
        about = [self._comments[field.full_name], *in_words(rules)]
        return schema | {"description": " ".join(about)}

    def _object(self, message: Descriptor, *, sent: bool) -> Json:
        schema: Json = {"type": "object", "description": self._comments[message.full_name]}
        if message.fields:
            schema["properties"] = {
                field.json_name: self.field(field, sent=sent) for field in message.fields
            }
        if several := list(_exclusions(message)):
            schema["allOf"] = several
        return schema

    def _value(self, field: FieldDescriptor, rules: validate_pb2.FieldRules, *, sent: bool) -> Json:
        if field.message_type and field.message_type.GetOptions().map_entry:
            keys = limits_of(rules.map.keys)
            value = field.message_type.fields_by_name["value"]
            return {
                "type": "object",
                "additionalProperties": self._single(value, rules.map.values, sent=sent),
                **({"propertyNames": keys} if keys else {}),
                **size_of(rules.map),
            }
        if field.is_repeated:
            items = self._single(field, rules.repeated.items, sent=sent)
            return {"type": "array", "items": items, **size_of(rules.repeated)}
        return self._single(field, rules, sent=sent)

    def _single(
        self, field: FieldDescriptor, rules: validate_pb2.FieldRules, *, sent: bool
    ) -> Json:
        if field.message_type:
            schema = self.reference(field.message_type, sent=sent)
        elif field.enum_type:
            schema = self._enum(field.enum_type, rules)
        else:
            schema = dict(_BYTES if field.type == field.TYPE_BYTES else _TYPES[field.cpp_type])
        if field.GetOptions().debug_redact and schema == {"type": "string"}:
            schema |= {"format": "password"} | ({"writeOnly": True} if sent else {})
        return schema | limits_of(rules)

    def _enum(self, enum: EnumDescriptor, rules: validate_pb2.FieldRules) -> Json:
        """Return the names of an enum with their meanings."""
        allowed = [value for value in enum.values if value.number not in rules.enum.not_in]
        meanings = {value.name: self._comments[_scoped(value)] for value in allowed}
        return {"type": "string", "enum": list(meanings), "x-enum-descriptions": meanings}


def required_in(message: Descriptor) -> list[str]:
    """Return the fields without which validation rejects the message."""
    violations = protovalidate.collect_violations(GetMessageClass(message)())
    missed = {
        violation.proto.field.elements[0].field_name
        for violation in violations
        if violation.proto.field
    }
    return [field.json_name for field in message.fields if field.name in missed]


def _scoped(value: Any) -> str:
    return f"{value.type.full_name}.{value.name}"


def _or_empty(schema: Json) -> Json:
    if "enum" in schema:
        return schema | {"enum": ["", *schema["enum"]]}
    return {"anyOf": [schema, {"type": schema["type"], "maxLength": 0}]}


def _exclusions(message: Descriptor) -> Iterator[Json]:
    """Yield constraints: no two fields of a oneof, and one field of a oneof that is required."""
    for oneof in message.oneofs:
        names = [field.json_name for field in oneof.fields]
        for pair in combinations(names, 2):
            yield {"not": {"required": list(pair)}}
        if oneof.GetOptions().Extensions[validate_pb2.oneof].required:
            yield {"anyOf": [{"required": [name]} for name in names]}


def _reachable(messages: Iterable[Descriptor]) -> dict[str, Descriptor]:
    """Return the messages and those inside them, except well-known ones."""
    found: dict[str, Descriptor] = {}
    waiting = list(messages)
    while waiting:
        message = waiting.pop()
        if message.full_name in found or message.full_name in _WELL_KNOWN:
            continue
        if not message.GetOptions().map_entry:
            found[message.full_name] = message
        waiting += [field.message_type for field in message.fields if field.message_type]
    return found
