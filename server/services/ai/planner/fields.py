"""What a model is told about each field of a plan, and the limits that its answer is held to.

One table for both, so that what is asked for is what is accepted. A limit is the length of a text,
the number of items of a list, the value of a number, the seconds of a duration. The upper ones
stand in the proto; the lower ones do not, for a plan that still grows is below them.
"""

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

DECIMAL = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")


@dataclass(frozen=True)
class Field:
    """A field of a plan, as a model sees it."""

    description: str
    low: float = 0
    # Written down here only for decimal numbers, which the proto knows as texts.
    high: float = 0
    # A text that is a decimal number.
    decimal: bool = False
    # A message that may be absent. Fields that are `optional` in the proto may be, too.
    nullable: bool = False
    # What can be left out without harm: a model that knows no strict schemas does so.
    forgivable: bool = False


_NOTES = Field("What else there is to say; empty if nothing.", forgivable=True)
_LINK = Field("Always empty, unless the person gave a link.", forgivable=True)
_NAME = Field("What the exercise is called, in the person's language.", low=1)


def _flag(description: str) -> Field:
    return Field(description, forgivable=True)


FIELDS: dict[str, Field] = {
    "Plan.name": Field("What the plan is called.", low=1),
    "Plan.description": Field("What the plan is for, in a few sentences.", forgivable=True),
    "Plan.sessions": Field("The sessions, in the order in which they are trained.", low=1),
    "PlanSession.name": Field("What the session is called.", low=1),
    "PlanSession.notes": _NOTES,
    "PlanSession.exercises": Field("The exercises, in the order in which they are done.", low=1),
    "PlanExercise.weighted": Field("An exercise of repetitions, mostly against a weight."),
    "PlanExercise.cardio": Field("An exercise of time or distance."),
    "WeightedExercise.name": _NAME,
    "WeightedExercise.planned_sets": Field("The sets, in order.", low=1),
    "WeightedExercise.rest_between_sets": Field("The rest between two sets."),
    "WeightedExercise.superset_with_next": _flag("Whether it alternates with the next exercise."),
    "WeightedExercise.notes": _NOTES,
    "WeightedExercise.link": _LINK,
    "WeightedExercise.progression": Field(
        "How it becomes harder when all sets were done; empty if it does not.",
        forgivable=True,
    ),
    "WeightedExercise.resistance": Field("What works against the muscles."),
    "PlannedSet.min_reps": Field("The fewest repetitions.", low=1),
    "PlannedSet.max_reps": Field("The most repetitions.", low=1),
    "RestBetweenSets.min_rest": Field("At the least."),
    "RestBetweenSets.max_rest": Field("At the most, not below the least."),
    "RestBetweenSets.failure_rest": Field("After a set that failed."),
    "Progression.axis": Field("What grows: the repetitions or the weight."),
    "Progression.step": Field("By how much.", low=0.001, high=1_000, decimal=True),
    "Progression.scope": Field("Which sets it grows in; of those with the fewest, which."),
    "Progression.ceiling": Field(
        "How far it may grow; null if without end.", low=0.001, high=100_000, decimal=True
    ),
    "Progression.reset_on_ceiling": _flag("Whether it starts over at the ceiling."),
    "CardioExercise.name": _NAME,
    "CardioExercise.sets": Field("The sets, in order.", low=1),
    "CardioExercise.notes": _NOTES,
    "CardioExercise.link": _LINK,
    "CardioSet.target": Field("What is to be reached: a time or a distance."),
    "CardioSet.time": Field("For how long.", low=1),
    "CardioSet.distance": Field("How far."),
    "CardioSet.track_duration": _flag("Whether the person writes down the time."),
    "CardioSet.track_distance": _flag("Whether the person writes down the distance."),
    "CardioSet.track_resistance": _flag("Whether the person writes down the resistance."),
    "CardioSet.track_incline": _flag("Whether the person writes down the incline."),
    "CardioSet.track_weight": _flag("Whether the person writes down a weight."),
    "CardioSet.track_steps": _flag("Whether the person writes down the steps."),
    "CardioSet.rest_between_sets": Field("The rest after the set; null if none.", nullable=True),
    "Distance.value": Field("How many units.", low=0.001, high=100_000, decimal=True),
    "Distance.unit": Field("The unit."),
}


@cache
def field_of(field: FieldDescriptor) -> Field:
    """What the table, and the rules in the proto, say about a field."""
    message: Any = field.containing_type
    known = FIELDS[f"{message.name}.{field.name}"]
    return known if known.decimal else replace(known, high=_high(field))


def _high(field: FieldDescriptor) -> float:
    """The upper limit of a field in the proto; 0: none."""
    rules = field.GetOptions().Extensions[validate_pb2.field]
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


def key_of(field: FieldDescriptor) -> str:
    """What a field is called in JSON: durations say that they are seconds."""
    return f"{field.name}_seconds" if is_duration(field) else field.name


def fields_of(message: Descriptor | OneofDescriptor | Message) -> list[FieldDescriptor]:
    """The fields of a message, in order. Their stubs call them by two names, hence Any."""
    descriptor: Any = message.DESCRIPTOR if isinstance(message, Message) else message
    return list(descriptor.fields)


def choices_of(message: Descriptor | Message) -> list[OneofDescriptor]:
    """The `oneof`s of a message, without those that stand for `optional`."""
    descriptor: Any = message.DESCRIPTOR if isinstance(message, Message) else message
    return [oneof for oneof in descriptor.oneofs if in_choice(oneof.fields[0])]


def type_of(field: FieldDescriptor) -> Descriptor:
    """The message that a field holds."""
    descriptor: Any = field.message_type
    return cast(Descriptor, descriptor)


def choice_of(field: FieldDescriptor) -> OneofDescriptor:
    """The `oneof` that a field belongs to."""
    oneof: Any = field.containing_oneof
    return cast(OneofDescriptor, oneof)


def is_duration(field: FieldDescriptor) -> bool:
    """Whether a field is a duration."""
    return field.message_type is not None and field.message_type == Duration.DESCRIPTOR


def is_message(field: FieldDescriptor) -> bool:
    """Whether a field is a message of ours."""
    return field.message_type is not None and not is_duration(field)


def is_nullable(field: FieldDescriptor) -> bool:
    """Whether a field may be absent."""
    synthetic = field.containing_oneof is not None and not in_choice(field)
    return synthetic or field_of(field).nullable


def in_choice(field: FieldDescriptor) -> bool:
    """Whether a field belongs to a `oneof` that is written as one."""
    oneof = field.containing_oneof
    return oneof is not None and not oneof.name.startswith("_")


def is_choice(message: Descriptor | Message) -> bool:
    """Whether a message is nothing but a `oneof`."""
    return all(in_choice(field) for field in fields_of(message))


def enum_values(field: FieldDescriptor) -> dict[str, int]:
    """The values that a model may choose, without the unspecified one."""
    enum: Any = field.enum_type
    return {value.name: value.number for value in enum.values if value.number}


def limits_of(field: FieldDescriptor) -> str:
    """The limits of a field in words; empty if there is nothing to say."""
    table = field_of(field)
    span = f"{table.low:g} to {table.high:g}" if table.low else f"At most {table.high:g}"
    if field.is_repeated:
        return f"{span} of them."
    if table.decimal:
        return f"A decimal number such as 2.5, in a string; {span}."
    if is_duration(field):
        return f"In whole seconds, {span}."
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return f"{span} characters."
    return f"{span}." if table.high else ""
