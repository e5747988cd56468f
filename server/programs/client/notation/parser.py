"""Text to exercises."""

import re
from collections.abc import Iterator, Sequence

from gymlocker.v2 import training_pb2

from server.programs.client.notation.errors import NotationError, Span
from server.programs.client.notation.escapes import unescape
from server.programs.client.notation.group import GroupReader
from server.programs.client.notation.tokens import Kind, Token, tokens

MAX_SUPERSET = 10
# Up to the first colon without a backslash before it.
_NAME = re.compile(r"((?:[^:\\]|\\.)*):", re.DOTALL)


def parse_exercise(text: str, unit: str) -> training_pb2.WorkoutExercise:
    """Return an exercise; weights without a unit are in `unit`. Raises NotationError."""
    found = _NAME.match(text)
    if found is None:
        raise NotationError(
            text,
            Span(len(text), len(text)),
            "Write the name of the exercise, a colon and its sets: Bench Press: 100kg x5 x5.",
        )
    name = unescape(found[1].strip()).strip()
    if not name:
        raise NotationError(text, Span(0, 1), "Write the name of the exercise before the colon.")
    exercise = training_pb2.WorkoutExercise(name=name)
    rest = _read_header(exercise, text, list(tokens(text, found.end())))
    exercise.sets.extend(_sets(text, rest, unit))
    return exercise


def _read_header(
    exercise: training_pb2.WorkoutExercise, text: str, given: Sequence[Token]
) -> Sequence[Token]:
    """Read the superset and the note on the exercise; return the tokens after them."""
    if given and given[0].text.lower() == "superset":
        number = given[1] if len(given) > 1 else given[0]
        if not number.text.isdigit() or number.number > MAX_SUPERSET:
            raise NotationError(
                text, number.span, f"Write the number of the superset: 0 to {MAX_SUPERSET}."
            )
        exercise.superset = int(number.number)
        given = given[2:]
    if given and given[0].kind == Kind.NOTE:
        exercise.notes = unescape(given[0].text[1:-1])
        given = given[1:]
    return given


def _sets(text: str, given: Sequence[Token], unit: str) -> Iterator[training_pb2.WorkoutSet]:
    had_weight = False
    for group in _groups(given):
        reader = GroupReader(text, group, unit)
        sets = reader.read()
        if had_weight and not reader.states_weight:
            raise NotationError(
                text,
                reader.span,
                "This set has no weight, but one before it has: write the weight again, or bw if "
                "there was none.",
            )
        had_weight = had_weight or sets[0].HasField("weight")
        yield from sets


def _groups(given: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yield the tokens between commas."""
    group: list[Token] = []
    for token in given:
        if token.kind != Kind.COMMA:
            group.append(token)
        elif group:
            yield group
            group = []
    if group:
        yield group
