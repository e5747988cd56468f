"""A plan while a model is still writing it: what is complete so far, and never an error.

Names and notes grow letter by letter. Everything smaller than an exercise (a set, a rest, a
progression) comes when all of it is there: half of it would be wrong, not little. What has come
stays, so a plan only grows.
"""

from typing import Any

import jiter
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from gymlocker.v2 import plan_pb2

from server.services.ai.planner.fields import (
    choice_of,
    field_of,
    fields_of,
    in_choice,
    is_message,
    key_of,
    type_of,
)
from server.services.ai.planner.parser import Reader

_GROWING = {
    plan_pb2.PlanSession.DESCRIPTOR.full_name,
    plan_pb2.WeightedExercise.DESCRIPTOR.full_name,
    plan_pb2.CardioExercise.DESCRIPTOR.full_name,
}
# A number at the very end may have more digits to come.
_NUMBER = tuple("0123456789")


class _Unfinished(str):
    """A text that may have more to come."""

    __slots__ = ()


def partial_data(json: str) -> object:
    """The data in the beginning of a JSON text, None if it is no JSON."""
    encoded = json.encode("utf-8", "replace")
    try:
        data = jiter.from_json(encoded, partial_mode="trailing-strings")
        without = jiter.from_json(encoded, partial_mode="on")
    except ValueError:
        return None
    _mark_end(data, without, ends_in_number=json.endswith(_NUMBER))
    return data


def _mark_end(data: Any, without: Any, *, ends_in_number: bool) -> None:
    """Marks the text, and removes the number, that `data` ends with, if they are unfinished.

    `without` is the same data without an unfinished text.
    """
    while isinstance(data, dict | list) and data:
        key = next(reversed(data)) if isinstance(data, dict) else len(data) - 1
        last = data[key]
        gone = len(without) < len(data)
        if gone and isinstance(last, str):
            data[key] = _Unfinished(last)
        elif isinstance(last, int | float) and not isinstance(last, bool) and ends_in_number:
            del data[key]
        if gone:
            return
        data, without = last, without[key]


def growing_plan_of(data: object) -> plan_pb2.Plan:
    """What there is of the plan in incomplete `data`. Links come with the finished plan alone."""
    plan = plan_pb2.Plan()
    if isinstance(data, dict):
        _grow(data, plan)
    return plan


def _grow(data: dict[str, Any], into: Message) -> None:
    for field in fields_of(into):
        value = data.get(key_of(field))
        if field.is_repeated:
            if isinstance(value, list):
                for item in value[: int(field_of(field).high)]:
                    _add(field, item, into)
        elif is_message(field):
            if (grown := _grown(field, value)) is not None:
                getattr(into, field.name).CopyFrom(grown)
        elif isinstance(value, str) and field.name in ("name", "notes", "description"):
            setattr(into, field.name, value[: int(field_of(field).high)])
        elif value is not None and not isinstance(value, _Unfinished):
            _read_scalar(field, value, into)


def _read_scalar(field: FieldDescriptor, value: object, into: Message) -> None:
    """Reads one field of a message of which others may be missing."""
    read = type(into)()
    Reader().field(field, value, read)
    into.MergeFrom(read)


def _add(field: FieldDescriptor, item: object, into: Message) -> None:
    if (grown := _grown(field, item)) is not None:
        getattr(into, field.name).append(grown)


def _grown(field: FieldDescriptor, data: object) -> Message | None:
    """The message of a field, None if there is not yet enough of it."""
    if not isinstance(data, dict):
        return None
    message: Message = getattr(plan_pb2, type_of(field).name)()
    if type_of(field).full_name in _GROWING:
        _grow(data, message)
        return message if getattr(message, "name", "") else None
    if isinstance(message, plan_pb2.PlanExercise):
        _grow(data, message)
        return message if message.WhichOneof("kind") else None
    return message if _is_complete(data, message) else None


def _is_unfinished(data: object) -> bool:
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return isinstance(data, _Unfinished) or any(_is_unfinished(one) for one in inner)


def _is_complete(data: dict[str, Any], message: Message) -> bool:
    """Reads all of a small message; False if that is not possible yet."""
    keys = {
        choice_of(field).name if in_choice(field) else key_of(field) for field in fields_of(message)
    }
    if not keys <= data.keys() or _is_unfinished(data):
        return False
    reader = Reader()
    reader.message(data, message, "")
    return not reader.faults
