"""The sets of a workout as text, since ours has no field for them: one line an exercise.

    Bench Press (Barbell): 40 kg x 10 (warm-up), 80 kg x 5 @8 (Paused)

with a real multiplication sign. In parentheses at the end stands what was noted.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Exercise:
    """The sets of an exercise in their order, and what was noted, each note once."""

    sets: list[str] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Keeps a note, on one line."""
        if text:
            self.notes[" ".join(text.split())] = None


@dataclass(frozen=True, slots=True)
class Set:
    """What was measured, with units; "" is what was not. `reps` may be "0", which was typed."""

    weight: str = ""
    reps: str = ""
    distance: str = ""
    time: str = ""
    rpe: str = ""
    rir: str = ""
    remarks: tuple[str, ...] = ()

    def is_empty(self) -> bool:
        """Whether nothing was measured at all."""
        return not (self.weight or self.distance or self.time or self.reps not in ("", "0"))

    def text(self) -> str:
        """The set as it stands in the line of its exercise."""
        measured = [part for part in (self._load(), self.distance, self.time) if part]
        words = [" · ".join(measured) or "–"]
        if self.rpe not in ("", "0"):
            words.append(f"@{self.rpe}")
        if self.rir:
            words.append(f"RIR {self.rir}")
        words += [f"({remark})" for remark in self.remarks if remark]
        return " ".join(words)

    def _load(self) -> str:
        # Apps write 0 for what was not counted; where nothing else was measured, none was done.
        reps = "" if self.reps == "0" and (self.distance or self.time) else self.reps
        if self.weight:
            return f"{self.weight} × {reps}" if reps else self.weight
        return f"{reps} {'rep' if reps == '1' else 'reps'}" if reps else ""


def line(name: str, exercise: Exercise) -> str:
    """The line of an exercise."""
    text = name
    if exercise.sets:
        text += ": " + ", ".join(exercise.sets)
    if exercise.notes:
        text += f" ({'; '.join(exercise.notes)})"
    return text
