"""A plan that a model is still writing: the complete parts so far, and never an error.

Names and notes grow letter by letter. Anything smaller than an exercise (a set, a rest, a
progression) is added once it is complete, because half of it would be wrong. Parts are never
removed, so a plan only grows.
"""

from typing import Any

import jiter
from google.protobuf.message import Message
from gymlocker.v2 import plan_pb2

from server.services.ai.planner.fields import Kind, PlanField, fields_of
from server.services.ai.planner.parser import Parser

# Messages that are shown before they are complete.
_GROWING = {
    plan_pb2.PlanSession.DESCRIPTOR.full_name,
    plan_pb2.WeightedExercise.DESCRIPTOR.full_name,
    plan_pb2.CardioExercise.DESCRIPTOR.full_name,
}
_GROWING_TEXTS = ("name", "notes", "description")
_DIGITS = tuple("0123456789")


class _Unfinished(str):
    """A text of which more may follow."""

    __slots__ = ()


def parse_partial_json(text: str) -> object:
    """Return the data in the beginning of a JSON text, or None if it is not JSON."""
    encoded = text.encode("utf-8", "replace")
    try:
        data = jiter.from_json(encoded, partial_mode="trailing-strings")
        finished = jiter.from_json(encoded, partial_mode="on")
    except ValueError:
        return None
    # More digits may follow a number at the very end.
    _mark_end(data, finished, ends_in_number=text.endswith(_DIGITS))
    return data


def _mark_end(data: Any, finished: Any, *, ends_in_number: bool) -> None:
    """Mark an unfinished text at the end of `data`, and remove an unfinished number.

    `finished` is the same data without an unfinished text.
    """
    while isinstance(data, dict | list) and data:
        key = next(reversed(data)) if isinstance(data, dict) else len(data) - 1
        last = data[key]
        is_missing = len(finished) < len(data)
        if is_missing and isinstance(last, str):
            data[key] = _Unfinished(last)
        elif isinstance(last, int | float) and not isinstance(last, bool) and ends_in_number:
            del data[key]
        if is_missing:
            return
        data, finished = last, finished[key]


def partial_plan(data: object) -> plan_pb2.Plan:
    """Return the plan in incomplete `data`, without links: only a complete plan has them."""
    plan = plan_pb2.Plan()
    if isinstance(data, dict):
        _fill(data, plan)
    return plan


def _fill(data: dict[str, Any], into: Message) -> None:
    for field in fields_of(into):
        value = data.get(field.key)
        maximum = int(field.rule.maximum)
        if field.is_repeated:
            items = value[:maximum] if isinstance(value, list) else ()
            messages = (_message(field, item) for item in items)
            getattr(into, field.name).extend(one for one in messages if one is not None)
        elif field.kind is Kind.MESSAGE:
            if (message := _message(field, value)) is not None:
                getattr(into, field.name).CopyFrom(message)
        elif isinstance(value, str) and field.name in _GROWING_TEXTS:
            setattr(into, field.name, value[:maximum])
        elif value is not None and not isinstance(value, _Unfinished):
            # A message of its own, because the parser fills fields even after an error.
            parsed = type(into)()
            Parser().field(field, value, parsed)
            into.MergeFrom(parsed)


def _message(field: PlanField, data: object) -> Message | None:
    """Return the message of a field, or None while too little of it has arrived."""
    if not isinstance(data, dict):
        return None
    message: Message = getattr(plan_pb2, field.message.name)()
    if field.message.full_name in _GROWING:
        _fill(data, message)
        return message if getattr(message, "name", "") else None
    if isinstance(message, plan_pb2.PlanExercise):
        _fill(data, message)
        return message if message.WhichOneof("kind") else None
    return message if _parse_complete(data, message) else None


def _parse_complete(data: dict[str, Any], message: Message) -> bool:
    """Parse all of a small message. Return False if it is incomplete or invalid."""
    keys = {field.oneof or field.key for field in fields_of(message)}
    if not keys <= data.keys() or _is_unfinished(data):
        return False
    parser = Parser()
    parser.message(data, message, "")
    return not parser.errors


def _is_unfinished(data: object) -> bool:
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return isinstance(data, _Unfinished) or any(_is_unfinished(one) for one in inner)
