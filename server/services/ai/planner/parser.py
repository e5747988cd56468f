"""Parser of the data that a model wrote: a plan that keeps all limits, or a list of errors.

The errors are written for the model: all of them at once, each with its path.
"""

from collections.abc import Callable, Collection
from typing import Any

from google.protobuf.message import Message
from gymlocker.v2 import plan_pb2

from server.services.ai.planner.fields import (
    DECIMAL,
    Kind,
    PlanField,
    fields_of,
    is_oneof,
    oneofs_of,
)

# Errors reported at once. A model that makes more of them has misunderstood the schema.
MAX_ERRORS = 10
NO_LINKS: frozenset[str] = frozenset()


class InvalidPlan(Exception):
    """Data that is not a plan. The text tells the model what to change."""


def parse_plan(data: object, links: Collection[str] = NO_LINKS) -> plan_pb2.Plan:
    """Return the plan in `data`, without links that are not among `links`.

    Raises InvalidPlan.
    """
    plan = plan_pb2.Plan()
    _parse(data, plan, links)
    return plan


def parse_session(data: object, links: Collection[str] = NO_LINKS) -> plan_pb2.PlanSession:
    """Return the session in `data`, as `parse_plan` does."""
    session = plan_pb2.PlanSession()
    _parse(data, session, links)
    return session


def _parse(data: object, into: Message, links: Collection[str]) -> None:
    parser = Parser(links)
    parser.message(data, into, "")
    if parser.errors:
        raise InvalidPlan("\n".join(parser.errors[:MAX_ERRORS]))


class Parser:
    """Parser that fills messages from data and collects the errors."""

    def __init__(self, links: Collection[str] = NO_LINKS) -> None:
        self.errors: list[str] = []
        self._links = links

    def message(self, data: object, into: Message, path: str) -> None:
        """Parse the object at `path`."""
        if not isinstance(data, dict):
            self._error(path, "must be an object")
            return
        before = len(self.errors)
        for field in fields_of(into):
            if field.oneof is None:
                self._field(field, data.get(field.key), into, _below(path, field.key))
        for name, fields in oneofs_of(into).items():
            self._oneof(name, fields, data, into, path)
        if len(self.errors) == before:
            self._check(into, path)

    def field(self, field: PlanField, value: object, into: Message) -> None:
        """Parse the value of one field."""
        self._field(field, value, into, "")

    def _oneof(
        self, name: str, fields: list[PlanField], data: dict[str, Any], into: Message, path: str
    ) -> None:
        if not is_oneof(into):
            path = _below(path, name)
            inner = data.get(name)
            data = inner if isinstance(inner, dict) else {}
        # A model without strict schemas writes all of the keys, with null for all but one.
        chosen = [field for field in fields if data.get(field.key) is not None]
        if len(chosen) != 1:
            keys = ", ".join(field.key for field in fields)
            self._error(path, f"must be an object with one of these keys: {keys}")
            return
        key = chosen[0].key
        self._field(chosen[0], data[key], into, _below(path, key))

    def _field(self, field: PlanField, value: object, into: Message, path: str) -> None:
        if value is None:
            if not field.is_nullable and not field.rule.omittable:
                self._error(path, "is missing")
        elif field.is_repeated:
            self._list(field, value, into, path)
        elif field.kind is Kind.MESSAGE:
            target = getattr(into, field.name)
            target.SetInParent()
            self.message(value, target, path)
        elif field.kind is Kind.DURATION:
            getattr(into, field.name).seconds = self._integer(field, value, path)
        else:
            setattr(into, field.name, self._scalar(field, value, path))

    def _list(self, field: PlanField, value: object, into: Message, path: str) -> None:
        if not isinstance(value, list):
            self._error(path, "must be a list")
        elif not field.rule.minimum <= len(value) <= field.rule.maximum:
            self._error(path, f"has {len(value)} items; {field.limits}")
        else:
            for index, item in enumerate(value):
                self.message(item, getattr(into, field.name).add(), f"{path}[{index}]")

    def _scalar(self, field: PlanField, value: object, path: str) -> int | str | bool:
        """Return a value of the field's type, which is empty after an error."""
        parsers: dict[Kind, Callable[[PlanField, object, str], int | str | bool]] = {
            Kind.ENUM: self._enum,
            Kind.INTEGER: self._integer,
            Kind.BOOLEAN: self._boolean,
            Kind.DECIMAL: self._decimal,
            Kind.TEXT: self._text,
        }
        return parsers[field.kind](field, value, path)

    def _enum(self, field: PlanField, value: object, path: str) -> int:
        values = field.enum_values
        if isinstance(value, str) and value in values:
            return values[value]
        self._error(path, f"must be one of {', '.join(values)}")
        return 0

    def _boolean(self, _field: PlanField, value: object, path: str) -> bool:
        if isinstance(value, bool):
            return value
        self._error(path, "must be true or false")
        return False

    def _integer(self, field: PlanField, value: object, path: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self._error(path, "must be a whole number")
        elif not field.rule.minimum <= value <= field.rule.maximum:
            self._error(path, f"is {str(value)[:20]}; {field.limits}")
        else:
            return value
        return 0

    def _decimal(self, field: PlanField, value: object, path: str) -> str:
        minimum, maximum = field.rule.minimum, field.rule.maximum
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        text = str(value) if is_number or isinstance(value, str) else ""
        if not DECIMAL.fullmatch(text) or not minimum <= float(text) <= maximum:
            self._error(path, f"is not usable. {field.limits}")
            return ""
        return text

    def _text(self, field: PlanField, value: object, path: str) -> str:
        if not isinstance(value, str):
            self._error(path, "must be a string")
        elif field.name == "link":
            return value if value in self._links else ""
        elif len(value) > field.rule.maximum:
            self._error(path, f"has {len(value)} characters; {field.limits}")
        elif field.rule.minimum and not value.strip():
            self._error(path, "must not be empty")
        else:
            return value
        return ""

    def _check(self, message: Message, path: str) -> None:
        """Check fields that limit each other."""
        match message:
            case plan_pb2.PlannedSet() if message.min_reps > message.max_reps:
                self._error(path, "min_reps is more than max_reps")
            case plan_pb2.RestBetweenSets(min_rest=least, max_rest=most) if (
                least.seconds > most.seconds
            ):
                self._error(path, "min_rest_seconds is more than max_rest_seconds")

    def _error(self, path: str, problem: str) -> None:
        self.errors.append(f"{path or 'The arguments'}: {problem}".rstrip())


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
