"""Sets as prose: what imports wrote into notes before workouts had exercises.

Each exercise was a line: `Bench Press: 40 kg x 10 (warm-up), 80 kg x 5 @8 (its notes; and more)`,
with a real multiplication sign.
"""

import re

from server.services.workout.model import Exercise

_NUMBER = r"-?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]{1,3})?"
_CLOCK = r"[0-9]+(?::[0-5][0-9]){1,2}"
# A unit that could also be an exertion would let a list of sets match in too many ways.
_UNIT = r"[^\s,()@×·][^\s,()]{0,11}"
_MEASURE = rf"(?:{_CLOCK}|{_NUMBER}(?: {_UNIT})?(?: × {_NUMBER})?)"
_MEASURES = rf"(?:–|{_MEASURE}(?: · {_MEASURE})*)"
_SET = rf"{_MEASURES}(?: @{_NUMBER})?(?: RIR {_NUMBER})?(?: \([^();]{{1,40}}\))*"
_SETS = re.compile(rf"(?:: {_SET}(?:, {_SET})*)?(?: \((.*)\))?")


def without_prose(notes: str, exercises: tuple[Exercise, ...]) -> str:
    """Return notes without the lines that repeat `exercises`; all other lines are the person's."""
    texts: dict[str, set[str]] = {}
    for exercise in exercises:
        written = texts.setdefault(exercise.name, set())
        written.update(map(_on_one_line, (exercise.notes, *(one.notes for one in exercise.sets))))
        written.update(map(_on_one_line, exercise.notes.splitlines()))
    return "\n".join(line for line in notes.split("\n") if not _is_prose(line, texts))


def _is_prose(line: str, texts: dict[str, set[str]]) -> bool:
    return any(
        line.startswith(name)
        and (match := _SETS.fullmatch(line, len(name))) is not None
        and (match[1] is None or set(match[1].split("; ")) <= written)
        for name, written in texts.items()
    )


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
