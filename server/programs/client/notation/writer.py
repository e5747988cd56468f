"""Exercises to text, which the parser reads back unchanged."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from gymlocker.v2 import training_pb2

from server.programs.client.notation.escapes import escape
from server.programs.client.notation.group import BODY_WEIGHT


def format_exercise(exercise: training_pb2.WorkoutExercise) -> str:
    """Return an exercise in one line."""
    words = [f"{format_name(exercise.name)}:"]
    if exercise.HasField("superset"):
        words.append(f"superset {exercise.superset}")
    if exercise.HasField("notes"):
        words.append(format_note(exercise.notes))
    if exercise.sets:
        words.append(format_sets(exercise.sets))
    return " ".join(words)


def format_name(name: str) -> str:
    """Return the name of an exercise as the notation has it."""
    return escape(name, ":")


def format_note(text: str) -> str:
    """Return a note as the notation has it."""
    return f"({escape(text, '()')})"


def format_sets(sets: Sequence[training_pb2.WorkoutSet]) -> str:
    """Return sets in one line; repetitions share the weight before them."""
    text = ""
    had_weight = False
    previous: training_pb2.WorkoutSet | None = None
    for each in sets:
        if previous is not None and _shares_group(previous, each):
            text += f" {' '.join(_fields(each))}"
        else:
            text += f"{', ' if text else ''}{_group(each, states_none=had_weight)}"
        had_weight = had_weight or each.HasField("weight")
        previous = each
    return text


def format_set(each: training_pb2.WorkoutSet) -> str:
    """Return a set by itself."""
    return _group(each, states_none=False)


def format_number(value: float) -> str:
    """Return a number as it was typed: 100, 102.5, 45.359."""
    # Adding 0.0 turns -0.0 into 0.0.
    number = format(Decimal(repr(value + 0.0)), "f")
    return number.rstrip("0").rstrip(".") if "." in number else number


def format_duration(seconds: int) -> str:
    """Return a duration: 45s, 1:30, 1:02:30."""
    minutes, rest = divmod(seconds, 60)
    if not minutes:
        return f"{seconds}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _shares_group(previous: training_pb2.WorkoutSet, each: training_pb2.WorkoutSet) -> bool:
    """Check whether a set can follow another without a comma: the same but for what x begins."""
    return (
        previous.HasField("reps")
        and each.HasField("reps")
        and previous.HasField("kind") == each.HasField("kind")
        and previous.kind == each.kind
        and previous.HasField("weight") == each.HasField("weight")
        and previous.weight == each.weight
    )


def _group(each: training_pb2.WorkoutSet, *, states_none: bool) -> str:
    """Return a set that begins a group."""
    words = [each.kind] if each.HasField("kind") else []
    fields = list(_fields(each))
    if each.HasField("weight"):
        words.append(f"{format_number(each.weight.value)}{each.weight.unit}")
    elif states_none or not (words or fields) or "".join(fields[:1]).startswith("("):
        # A note that stands first would be the exercise's.
        words.append(BODY_WEIGHT)
    return " ".join(words + fields)


def _fields(each: training_pb2.WorkoutSet) -> Iterator[str]:
    """Yield the fields that belong to one set."""
    if each.HasField("reps"):
        yield f"x{each.reps}"
    if each.HasField("distance"):
        yield f"{format_number(each.distance.value)}{each.distance.unit}"
    if each.HasField("duration_seconds"):
        yield format_duration(each.duration_seconds)
    if each.HasField("rpe"):
        yield f"@{format_number(each.rpe)}"
    if each.HasField("completed"):
        yield "done" if each.completed else "skipped"
    if each.HasField("notes"):
        yield format_note(each.notes)
