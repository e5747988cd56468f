"""Plans in the JSON that a model writes: its strict schema, generated from the proto, and its data.

Strict schemas know objects with a fixed list of keys, all of them required, so what may be absent
is null, and of a `oneof` there is one object for each of its fields, with this one key. Limits
stand in the descriptions: not every server of models takes the keywords for them.
"""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from server.services.ai.planner.fields import (
    FIELDS,
    choice_of,
    enum_values,
    field_of,
    fields_of,
    in_choice,
    is_choice,
    is_duration,
    is_message,
    is_nullable,
    key_of,
    limits_of,
    type_of,
)

Data = dict[str, Any]


def schema_of(message: Descriptor) -> Data:
    """The strict JSON schema of a message of plan.proto."""
    if is_choice(message):
        return _choice(fields_of(message))
    properties: Data = {}
    for field in fields_of(message):
        if in_choice(field):
            oneof = choice_of(field)
            properties[oneof.name] = _choice(fields_of(oneof)) | {
                "description": FIELDS[f"{message.name}.{oneof.name}"].description
            }
        else:
            properties[key_of(field)] = _field(field)
    return _object(properties)


def _object(properties: Data) -> Data:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _choice(fields: list[FieldDescriptor]) -> Data:
    return {"anyOf": [_object({key_of(field): _field(field)}) for field in fields]}


def _field(field: FieldDescriptor) -> Data:
    schema = _value(field)
    if field.is_repeated:
        schema = {"type": "array", "items": schema}
    description = " ".join(filter(None, (field_of(field).description, limits_of(field))))
    if not is_nullable(field):
        return schema | {"description": description}
    if isinstance(schema["type"], str) and schema["type"] != "object":
        return schema | {"type": [schema["type"], "null"], "description": description}
    return {"anyOf": [schema, {"type": "null"}], "description": description}


def _value(field: FieldDescriptor) -> Data:
    if is_message(field):
        return schema_of(type_of(field))
    if field.enum_type is not None:
        return {"type": "string", "enum": list(enum_values(field))}
    if is_duration(field) or field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        return {"type": "integer"}
    return {"type": "boolean" if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else "string"}


def data_of(message: Message) -> Data:
    """A message of plan.proto as the data that its schema describes."""
    data: Data = {}
    for field in fields_of(message):
        present = not field.has_presence or message.HasField(field.name)
        if not in_choice(field):
            data[key_of(field)] = _data(field, getattr(message, field.name)) if present else None
        elif present:
            chosen = {key_of(field): _data(field, getattr(message, field.name))}
            whole = is_choice(message)
            data |= chosen if whole else {choice_of(field).name: chosen}
    return data


def _data(field: FieldDescriptor, value: Any) -> Any:
    if field.is_repeated:
        return [data_of(item) for item in value]
    if isinstance(value, Duration):
        return value.seconds
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return data_of(value) if isinstance(value, Message) else value
