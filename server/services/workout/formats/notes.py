"""The sets of a workout as text, because a workout has no field for them: a line per exercise.

    Bench Press (Barbell): 40 kg x 10 (warm-up), 80 kg x 5 @8 (Paused)

with a real multiplication sign. The notes of the exercise follow in parentheses.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Exercise:
    """The sets of an exercise in order, and its notes without duplicates."""

    sets: list[str] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Add a note, joined into one line."""
        if text:
            self.notes[" ".join(text.split())] = None


@dataclass(frozen=True, slots=True)
class Set:
    """The measurements of a set with their units; "" means not measured. `reps` may be "0"."""

    weight: str = ""
    reps: str = ""
    distance: str = ""
    time: str = ""
    rpe: str = ""
    rir: str = ""
    remarks: tuple[str, ...] = ()

    def is_empty(self) -> bool:
        """Check whether nothing was measured."""
        return not (self.weight or self.distance or self.time or self.reps not in ("", "0"))

    def text(self) -> str:
        """Return the set as it appears in the line of its exercise."""
        measured = [part for part in (self._load(), self.distance, self.time) if part]
        words = [" · ".join(measured) or "–"]
        if self.rpe not in ("", "0"):
            words.append(f"@{self.rpe}")
        if self.rir:
            words.append(f"RIR {self.rir}")
        words += [f"({remark})" for remark in self.remarks if remark]
        return " ".join(words)

    def _load(self) -> str:
        # Apps write 0 for uncounted repetitions; it means zero only if nothing else was measured.
        reps = "" if self.reps == "0" and (self.distance or self.time) else self.reps
        if self.weight:
            return f"{self.weight} × {reps}" if reps else self.weight
        return f"{reps} {'rep' if reps == '1' else 'reps'}" if reps else ""


def line(name: str, exercise: Exercise) -> str:
    """Return the line of an exercise."""
    text = name
    if exercise.sets:
        text += ": " + ", ".join(exercise.sets)
    if exercise.notes:
        text += f" ({'; '.join(exercise.notes)})"
    return text
