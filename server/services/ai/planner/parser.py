"""From the data that a model wrote to a plan that keeps all limits.

What is wrong is said in a way that a model can act on: all of it at once, each fault with its path.
"""

from collections.abc import Callable, Collection
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message
from gymlocker.v2 import plan_pb2

from server.services.ai.planner.fields import (
    DECIMAL,
    choices_of,
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
)

# So many faults are told at once; a model that makes more has misunderstood something.
MAX_FAULTS = 10
NO_LINKS: frozenset[str] = frozenset()


class InvalidPlan(Exception):
    """What a model wrote is not a plan; the text says to the model what to change."""


def plan_of(data: object, links: Collection[str] = NO_LINKS) -> plan_pb2.Plan:
    """The plan in `data`. A link of it that is not one of `links` is emptied.

    Raises InvalidPlan.
    """
    plan = plan_pb2.Plan()
    _read(data, plan, links)
    return plan


def session_of(data: object, links: Collection[str] = NO_LINKS) -> plan_pb2.PlanSession:
    """The same for a session alone."""
    session = plan_pb2.PlanSession()
    _read(data, session, links)
    return session


def _read(data: object, into: Message, links: Collection[str]) -> None:
    reader = Reader(links)
    reader.message(data, into, "")
    if reader.faults:
        raise InvalidPlan("\n".join(reader.faults[:MAX_FAULTS]))


class Reader:
    """Reads data into messages and collects what is wrong with it."""

    def __init__(self, links: Collection[str] = NO_LINKS) -> None:
        self.faults: list[str] = []
        self._links = links

    def message(self, data: object, into: Message, path: str) -> None:
        """Reads the object at `path`."""
        if not isinstance(data, dict):
            self._fault(path, "must be an object")
            return
        before = len(self.faults)
        for field in fields_of(into):
            if not in_choice(field):
                self._field(field, data.get(key_of(field)), into, _below(path, key_of(field)))
        for oneof in choices_of(into):
            self._choice(oneof, data, into, path)
        if len(self.faults) == before:
            self._check(into, path)

    def field(self, field: FieldDescriptor, value: object, into: Message) -> None:
        """Reads the value of one field."""
        self._field(field, value, into, "")

    def _choice(
        self, oneof: OneofDescriptor, data: dict[str, Any], into: Message, path: str
    ) -> None:
        if not is_choice(into):
            path = _below(path, oneof.name)
            inner = data.get(oneof.name)
            data = inner if isinstance(inner, dict) else {}
        # A model without strict schemas writes all of the keys, all but one of them null.
        chosen = [field for field in fields_of(oneof) if data.get(key_of(field)) is not None]
        if len(chosen) != 1:
            names = ", ".join(key_of(field) for field in fields_of(oneof))
            self._fault(path, f"must be an object with one of these keys: {names}")
            return
        key = key_of(chosen[0])
        self._field(chosen[0], data[key], into, _below(path, key))

    def _field(self, field: FieldDescriptor, value: object, into: Message, path: str) -> None:
        if value is None:
            if not is_nullable(field) and not field_of(field).forgivable:
                self._fault(path, "is missing")
        elif field.is_repeated:
            self._list(field, value, into, path)
        elif is_message(field):
            target = getattr(into, field.name)
            target.SetInParent()
            self.message(value, target, path)
        else:
            self._scalar(field, value, into, path)

    def _list(self, field: FieldDescriptor, value: object, into: Message, path: str) -> None:
        limits = field_of(field)
        if not isinstance(value, list):
            self._fault(path, "must be a list")
        elif not limits.low <= len(value) <= limits.high:
            self._fault(path, f"has {len(value)} items; {limits_of(field)}")
        else:
            for index, item in enumerate(value):
                self.message(item, getattr(into, field.name).add(), f"{path}[{index}]")

    def _scalar(self, field: FieldDescriptor, value: object, into: Message, path: str) -> None:
        if field.enum_type is not None:
            self._enum(field, value, into, path)
        elif is_duration(field):
            number = self._whole(field, value, path)
            getattr(into, field.name).seconds = number
        elif field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
            setattr(into, field.name, self._whole(field, value, path))
        elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            if not isinstance(value, bool):
                self._fault(path, "must be true or false")
            else:
                setattr(into, field.name, value)
        else:
            read: Callable[[FieldDescriptor, object, str], str]
            read = self._decimal if field_of(field).decimal else self._text
            setattr(into, field.name, read(field, value, path))

    def _enum(self, field: FieldDescriptor, value: object, into: Message, path: str) -> None:
        values = enum_values(field)
        if isinstance(value, str) and value in values:
            setattr(into, field.name, values[value])
        else:
            self._fault(path, f"must be one of {', '.join(values)}")

    def _whole(self, field: FieldDescriptor, value: object, path: str) -> int:
        limits = field_of(field)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self._fault(path, "must be a whole number")
        elif not limits.low <= value <= limits.high:
            self._fault(path, f"is {str(value)[:20]}; {limits_of(field)}")
        else:
            return value
        return 0

    def _decimal(self, field: FieldDescriptor, value: object, path: str) -> str:
        limits = field_of(field)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        text = str(value) if number or isinstance(value, str) else ""
        if not DECIMAL.fullmatch(text) or not limits.low <= float(text) <= limits.high:
            self._fault(path, f"is not usable. {limits_of(field)}")
            return ""
        return text

    def _text(self, field: FieldDescriptor, value: object, path: str) -> str:
        limits = field_of(field)
        if not isinstance(value, str):
            self._fault(path, "must be a string")
        elif field.name == "link":
            return value if value in self._links else ""
        elif len(value) > limits.high:
            self._fault(path, f"has {len(value)} characters; {limits_of(field)}")
        elif limits.low and not value.strip():
            self._fault(path, "must not be empty")
        else:
            return value
        return ""

    def _check(self, message: Message, path: str) -> None:
        """What two fields of a message say together."""
        match message:
            case plan_pb2.PlannedSet() if message.min_reps > message.max_reps:
                self._fault(path, "min_reps is more than max_reps")
            case plan_pb2.RestBetweenSets(min_rest=least, max_rest=most) if (
                least.seconds > most.seconds
            ):
                self._fault(path, "min_rest_seconds is more than max_rest_seconds")

    def _fault(self, path: str, problem: str) -> None:
        self.faults.append(f"{path or 'The arguments'}: {problem}".rstrip())


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
