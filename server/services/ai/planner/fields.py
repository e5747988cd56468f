"""Fields of a plan: the descriptions that a model reads, and the limits that its plan must keep.

One table serves both, so that the descriptions match the limits exactly. A limit is the
length of a text, the number of items of a list, the value of a number, or the seconds of a
duration. Maximums are defined in the proto. Minimums are not, because a partial plan is below them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

DECIMAL = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")


@dataclass(frozen=True)
class Rule:
    """The description of a field, and what it accepts."""

    description: str
    minimum: float = 0
    # Only set for decimal numbers, which are strings in the proto. The proto defines the others.
    maximum: float = 0
    # A string that holds a decimal number.
    decimal: bool = False
    # A message that may be absent. So may fields that are `optional` in the proto.
    nullable: bool = False
    # Models without strict schemas leave such a field out, which does no harm.
    omittable: bool = False


_NOTES = Rule("Anything else worth noting; empty if there is nothing.", omittable=True)
_LINK = Rule("Always empty, unless the person gave a link.", omittable=True)
_NAME = Rule("The name of the exercise, in the person's language.", minimum=1)


def _flag(description: str) -> Rule:
    return Rule(description, omittable=True)


RULES: dict[str, Rule] = {
    "Plan.name": Rule("The name of the plan.", minimum=1),
    "Plan.description": Rule("The purpose of the plan, in a few sentences.", omittable=True),
    "Plan.sessions": Rule("The sessions, in training order.", minimum=1),
    "PlanSession.name": Rule("The name of the session.", minimum=1),
    "PlanSession.notes": _NOTES,
    "PlanSession.exercises": Rule("The exercises, in training order.", minimum=1),
    "PlanExercise.weighted": Rule("An exercise of repetitions, usually against a weight."),
    "PlanExercise.cardio": Rule("An exercise of time or distance."),
    "WeightedExercise.name": _NAME,
    "WeightedExercise.planned_sets": Rule("The sets, in order.", minimum=1),
    "WeightedExercise.rest_between_sets": Rule("The rest between two sets."),
    "WeightedExercise.superset_with_next": _flag("True if it alternates with the next exercise."),
    "WeightedExercise.notes": _NOTES,
    "WeightedExercise.link": _LINK,
    "WeightedExercise.progression": Rule(
        "How it becomes harder once all sets are done; empty if it does not.",
        omittable=True,
    ),
    "WeightedExercise.resistance": Rule("The kind of resistance."),
    "PlannedSet.min_reps": Rule("The minimum number of repetitions.", minimum=1),
    "PlannedSet.max_reps": Rule("The maximum number of repetitions.", minimum=1),
    "RestBetweenSets.min_rest": Rule("The minimum rest."),
    "RestBetweenSets.max_rest": Rule("The maximum rest, not below the minimum."),
    "RestBetweenSets.failure_rest": Rule("The rest after a failed set."),
    "Progression.axis": Rule("The quantity that grows: repetitions or weight."),
    "Progression.step": Rule("The increment.", minimum=0.001, maximum=1_000, decimal=True),
    "Progression.scope": Rule("The sets in which it grows; of the lowest sets, which of them."),
    "Progression.ceiling": Rule(
        "The upper limit; null if there is none.", minimum=0.001, maximum=100_000, decimal=True
    ),
    "Progression.reset_on_ceiling": _flag("True if it starts over when the ceiling is reached."),
    "CardioExercise.name": _NAME,
    "CardioExercise.sets": Rule("The sets, in order.", minimum=1),
    "CardioExercise.notes": _NOTES,
    "CardioExercise.link": _LINK,
    "CardioSet.target": Rule("The target: a time or a distance."),
    "CardioSet.time": Rule("The time to reach.", minimum=1),
    "CardioSet.distance": Rule("The distance to reach."),
    "CardioSet.track_duration": _flag("True if the person records the time."),
    "CardioSet.track_distance": _flag("True if the person records the distance."),
    "CardioSet.track_resistance": _flag("True if the person records the resistance."),
    "CardioSet.track_incline": _flag("True if the person records the incline."),
    "CardioSet.track_weight": _flag("True if the person records a weight."),
    "CardioSet.track_steps": _flag("True if the person records the steps."),
    "CardioSet.rest_between_sets": Rule(
        "The rest after the set; null if there is none.", nullable=True
    ),
    "Distance.value": Rule("The number of units.", minimum=0.001, maximum=100_000, decimal=True),
    "Distance.unit": Rule("The unit."),
}


class Kind(Enum):
    """The type of a field's value, or of each of its values."""

    MESSAGE = auto()
    DURATION = auto()
    ENUM = auto()
    INTEGER = auto()
    BOOLEAN = auto()
    DECIMAL = auto()
    TEXT = auto()


@dataclass(frozen=True)
class PlanField:
    """A field of a message of plan.proto."""

    descriptor: FieldDescriptor
    kind: Kind
    rule: Rule
    # The `oneof` that the field belongs to.
    oneof: str | None

    @property
    def name(self) -> str:
        """The name in the proto."""
        return self.descriptor.name

    @property
    def key(self) -> str:
        """The name in JSON, in which a duration names its unit."""
        return f"{self.name}_seconds" if self.kind is Kind.DURATION else self.name

    @property
    def is_repeated(self) -> bool:
        """True if the field is a list."""
        return self.descriptor.is_repeated

    @property
    def is_nullable(self) -> bool:
        """True if the field may be absent."""
        is_optional = self.descriptor.containing_oneof is not None and self.oneof is None
        return is_optional or self.rule.nullable

    @property
    def message(self) -> Descriptor:
        """The message that a field of kind MESSAGE holds."""
        message: Any = self.descriptor.message_type
        return message  # type: ignore[no-any-return]

    @property
    def enum_values(self) -> Mapping[str, int]:
        """The values that a model may choose, without the unspecified one."""
        enum: Any = self.descriptor.enum_type
        return {value.name: value.number for value in enum.values if value.number}

    @property
    def limits(self) -> str:
        """The limits in words. Empty if there are none."""
        minimum, maximum = self.rule.minimum, self.rule.maximum
        span = f"{minimum:g} to {maximum:g}" if minimum else f"At most {maximum:g}"
        if self.is_repeated:
            return f"{span} of them."
        match self.kind:
            case Kind.DECIMAL:
                return f"A decimal number such as 2.5, in a string; {span}."
            case Kind.DURATION:
                return f"In whole seconds, {span}."
            case Kind.TEXT:
                return f"{span} characters."
        return f"{span}." if maximum else ""


def fields_of(message: Descriptor | Message) -> tuple[PlanField, ...]:
    """Return the fields of a message, in order."""
    return _fields_of(message.DESCRIPTOR if isinstance(message, Message) else message)


def oneofs_of(message: Descriptor | Message) -> Mapping[str, list[PlanField]]:
    """Return the fields of each `oneof` of a message."""
    oneofs: dict[str, list[PlanField]] = {}
    for field in fields_of(message):
        if field.oneof is not None:
            oneofs.setdefault(field.oneof, []).append(field)
    return oneofs


def is_oneof(message: Descriptor | Message) -> bool:
    """Check whether a message holds nothing but a `oneof`."""
    return all(field.oneof is not None for field in fields_of(message))


@cache
def _fields_of(message: Any) -> tuple[PlanField, ...]:
    # Any: the stubs have two types for a descriptor.
    return tuple(_field(message.name, descriptor) for descriptor in message.fields)


def _field(message: str, descriptor: FieldDescriptor) -> PlanField:
    rule = RULES[f"{message}.{descriptor.name}"]
    if not rule.decimal:
        rule = replace(rule, maximum=_maximum(descriptor))
    oneof = descriptor.containing_oneof
    # The `oneof` of an `optional` field is synthetic, and its name starts with an underscore.
    name = None if oneof is None or oneof.name.startswith("_") else oneof.name
    return PlanField(descriptor, _kind(descriptor, rule), rule, name)


def _kind(descriptor: FieldDescriptor, rule: Rule) -> Kind:
    if descriptor.message_type is not None:
        return Kind.DURATION if descriptor.message_type == Duration.DESCRIPTOR else Kind.MESSAGE
    if descriptor.enum_type is not None:
        return Kind.ENUM
    if descriptor.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        return Kind.INTEGER
    if descriptor.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return Kind.BOOLEAN
    return Kind.DECIMAL if rule.decimal else Kind.TEXT


def _maximum(descriptor: FieldDescriptor) -> float:
    """Return the maximum of a field in the proto, or 0 if there is none."""
    rules = descriptor.GetOptions().Extensions[validate_pb2.field]
    match rules.WhichOneof("type"):
        case "repeated":
            return rules.repeated.max_items
        case "string":
            return rules.string.max_len
        case "int32":
            return rules.int32.lte
        case "duration":
            return rules.duration.lte.seconds
    return 0
