"""Plans in the JSON that a model writes: a strict schema, generated from the proto, and the data.

A strict schema describes objects with a fixed list of keys, all of them required. A value that may
be absent is therefore null, and a `oneof` becomes a choice of objects, one for each of its fields,
with a single key. Limits are part of the descriptions, because not every model server accepts the
keywords for them.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from server.services.ai.planner.fields import RULES, Kind, PlanField, fields_of, is_oneof, oneofs_of

Data = dict[str, Any]

_TYPES = {Kind.DURATION: "integer", Kind.INTEGER: "integer", Kind.BOOLEAN: "boolean"}


def schema_of(message: Descriptor) -> Data:
    """Return the strict JSON schema of a message of plan.proto."""
    if is_oneof(message):
        return _any_of(fields_of(message))
    oneofs = oneofs_of(message)
    properties: Data = {}
    for field in fields_of(message):
        if field.oneof is None:
            properties[field.key] = _field(field)
        else:
            description = RULES[f"{message.name}.{field.oneof}"].description
            properties[field.oneof] = _any_of(oneofs[field.oneof]) | {"description": description}
    return _object(properties)


def _object(properties: Data) -> Data:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _any_of(fields: Iterable[PlanField]) -> Data:
    return {"anyOf": [_object({field.key: _field(field)}) for field in fields]}


def _field(field: PlanField) -> Data:
    schema = _value(field)
    if field.is_repeated:
        schema = {"type": "array", "items": schema}
    description = " ".join(filter(None, (field.rule.description, field.limits)))
    if not field.is_nullable:
        return schema | {"description": description}
    if isinstance(schema["type"], str) and schema["type"] != "object":
        return schema | {"type": [schema["type"], "null"], "description": description}
    return {"anyOf": [schema, {"type": "null"}], "description": description}


def _value(field: PlanField) -> Data:
    if field.kind is Kind.MESSAGE:
        return schema_of(field.message)
    if field.kind is Kind.ENUM:
        return {"type": "string", "enum": list(field.enum_values)}
    return {"type": _TYPES.get(field.kind, "string")}


def data_of(message: Message) -> Data:
    """Return a message of plan.proto as the data that its schema describes."""
    data: Data = {}
    for field in fields_of(message):
        present = not field.descriptor.has_presence or message.HasField(field.name)
        value = _data(field, getattr(message, field.name)) if present else None
        if field.oneof is None:
            data[field.key] = value
        elif present:
            data |= {field.key: value} if is_oneof(message) else {field.oneof: {field.key: value}}
    return data


def _data(field: PlanField, value: Any) -> Any:
    if field.is_repeated:
        return [data_of(item) for item in value]
    match field.kind:
        case Kind.MESSAGE:
            return data_of(value)
        case Kind.DURATION:
            return value.seconds
        case Kind.ENUM:
            # Including the unspecified value, which a client may send.
            enum: Any = field.descriptor.enum_type
            return enum.values_by_number[value].name
    return value
