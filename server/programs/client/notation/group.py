"""The sets between two commas."""

from collections.abc import Sequence
from itertools import pairwise

from gymlocker.v2 import training_pb2

from server.programs.client.notation.builder import (
    DISTANCES,
    MAX_RPE,
    MAX_SETS,
    WEIGHTS,
    SetBuilder,
)
from server.programs.client.notation.errors import Span
from server.programs.client.notation.escapes import unescape
from server.programs.client.notation.tokens import Kind, Token

KINDS = {
    "warmup": "warmup",
    "w": "warmup",
    "drop": "drop",
    "d": "drop",
    "failure": "failure",
    "f": "failure",
    "normal": "normal",
    "n": "normal",
}
COMPLETED = {"done": True, "skipped": False}
BODY_WEIGHT = "bw"
# A larger number before an x is a weight: 100x5.
MAX_COUNT = 20
# Up to it, a number before an x may well be meant as a number of sets.
MAX_USUAL_SETS = 10


class GroupReader:
    """A reader of a group, token by token. Its methods raise NotationError."""

    def __init__(self, text: str, tokens: Sequence[Token], unit: str) -> None:
        self._tokens = tokens
        self._unit = unit
        self._position = 0
        self._sets = SetBuilder(text)
        self._error = self._sets.error

    @property
    def states_weight(self) -> bool:
        """Check whether the group says what its weight is, or that there is none."""
        return self._sets.weight is not None or any(
            _is_word(each, BODY_WEIGHT) for each in self._tokens
        )

    @property
    def span(self) -> Span:
        """Return the place of the group."""
        return self._tokens[0].span | self._tokens[-1].span

    def read(self) -> list[training_pb2.WorkoutSet]:
        """Return the sets."""
        while (token := self._peek()) is not None:
            self._position += 1
            self._read(token)
        return self._sets.build()

    def _read(self, token: Token) -> None:
        match token.kind:
            case Kind.NUMBER:
                self._read_number(token)
            case Kind.TIME:
                self._sets.set_duration(token.span, token.number)
            case Kind.TIMES:
                self._read_reps(token.span, self._number_after(token))
            case Kind.AT:
                self._read_at(token)
            case Kind.NOTE:
                self._sets.set_notes(token.span, unescape(token.text[1:-1]))
            case Kind.WORD:
                self._read_word(token)
            case _:
                raise self._error(token.span, f"Write a number before {token.text}.")

    def _read_number(self, number: Token) -> None:
        if (unit := self._take(Kind.UNIT)) is not None:
            self._read_quantity(number, unit)
        elif (times := self._take(Kind.TIMES)) is not None:
            self._read_product(number, self._number_after(times))
        elif (word := self._peek(Kind.WORD)) is not None and word.span.start == number.span.end:
            raise self._error(
                word.span,
                f"{word.text} is not a unit: write kg, lb, m, km, mi, yd, s, min or h.",
            )
        elif number in self._lone_numbers():
            # The weight of counted sets: 5x5 100.
            self._sets.set_weight(number.span, number.number, self._unit)
        else:
            text = number.text
            raise self._error(
                number.span,
                f"{text} needs a unit or an x: write {text}{self._unit} for a weight, x{text} for "
                f"repetitions or {text}s for seconds.",
            )

    def _read_product(self, first: Token, second: Token) -> None:
        """Read `3x5`, which is 3 sets or a weight of 3, or `3x60s`."""
        span = first.span | second.span
        is_whole = first.text.isdigit()
        unit = self._peek(Kind.UNIT)
        if second.kind == Kind.TIME or (unit and unit.text not in ("reps", *WEIGHTS)):
            self._begin(first)
            self._position -= 1
        elif is_whole and first.number <= MAX_COUNT and self._has_weight():
            self._begin(first)
            self._read_reps(span, second)
        elif is_whole and first.number <= MAX_USUAL_SETS:
            sets, reps = first.text, second.text
            raise self._error(
                span,
                f"{sets}x{reps} can mean {sets} sets or {sets} {self._unit}: write "
                f"bw {sets}x{reps} for sets without a weight, {sets}x{reps} @ 60{self._unit} for "
                f"sets with one, or "
                f"{sets}{self._unit} x{reps}.",
            )
        else:
            self._sets.set_weight(first.span, first.number, self._unit)
            self._read_reps(span, second)

    def _begin(self, count: Token) -> None:
        self._sets.begin(self._sets.whole(count.span, count.number, 1, MAX_SETS, "sets"))

    def _read_reps(self, span: Span, number: Token) -> None:
        """Read the repetitions of the next run."""
        if (unit := self._peek(Kind.UNIT)) is not None and unit.text == "reps":
            self._position += 1
        if self._sets.has("reps"):
            self._sets.begin(1)
        elif self._sets.has("distance") or self._sets.has("duration_seconds"):
            raise self._error(
                span | number.span,
                f"This can mean sets or repetitions: write {number.text}x60s for sets, or the "
                f"repetitions first, as in x{number.text} 60s.",
            )
        self._sets.set_reps(span | number.span, number.number)

    def _read_quantity(self, number: Token, unit: Token) -> None:
        span = number.span | unit.span
        if unit.text in WEIGHTS:
            self._sets.set_weight(span, number.number, unit.text)
        elif unit.text in DISTANCES:
            self._sets.set_distance(span, number.number, unit.text)
        elif unit.text == "reps":
            self._read_reps(number.span, number)
        else:
            self._sets.set_duration(span, number.number, unit.text)

    def _read_at(self, at: Token) -> None:
        """Read an RPE, as in `@8`, or a weight, as in `@ 100kg`."""
        if (word := self._peek()) is not None and _is_word(word, "rpe"):
            self._position += 1
        number = self._number_after(at)
        self._reject_glued_comma(number)
        if (unit := self._peek(Kind.UNIT)) is not None and unit.text in WEIGHTS:
            self._position += 1
            self._sets.set_weight(number.span | unit.span, number.number, unit.text)
        elif number.number > MAX_RPE:
            self._sets.set_weight(number.span, number.number, self._unit)
        else:
            self._sets.set_rpe(at.span | number.span, number.number)

    def _reject_glued_comma(self, number: Token) -> None:
        """Raise an error for `100kg x5 @8,90kg x8`, whose comma may separate two sets."""
        after = self._peek()
        if "," not in number.text or after is None or after.span.start > number.span.end:
            return
        if after.kind == Kind.TIMES or self._sets.weight is not None:
            raise self._error(
                number.span,
                f"The comma in {number.text} can be a decimal point or separate two sets: write a "
                "point, or a space after the comma.",
            )

    def _read_word(self, token: Token) -> None:
        word = token.text.lower()
        if word in KINDS:
            self._read_kind(token, KINDS[word])
        elif word in COMPLETED:
            self._sets.set_completed(token.span, completed=COMPLETED[word])
        elif word == "rpe":
            number = self._number_after(token)
            self._sets.set_rpe(token.span | number.span, number.number)
        elif word != BODY_WEIGHT:
            raise self._error(
                token.span,
                f"{token.text} is not known: units are kg, lb, m, km, mi, yd, s, min and h; words "
                "are warmup, drop, failure, skipped and bw; notes stand in (parentheses).",
            )

    def _read_kind(self, token: Token, kind: str) -> None:
        after = self._peek()
        if self._sets.run and after and after.kind in (Kind.TIMES, Kind.NUMBER, Kind.TIME):
            raise self._error(
                token.span, f"Put a comma before {token.text}, or after it if it ends a set."
            )
        self._sets.set_kind(token.span, kind)

    def _has_weight(self) -> bool:
        """Check whether the weight is stated anywhere in the group."""
        return (
            self.states_weight
            or bool(self._lone_numbers())
            or any(
                after.text in WEIGHTS
                if after.kind == Kind.UNIT
                else token.kind == Kind.AT and after.number > MAX_RPE
                for token, after in pairwise(self._tokens)
            )
        )

    def _lone_numbers(self) -> Sequence[Token]:
        """Return the numbers without a unit beside a product, such as the second in `5x5 100`."""
        kinds = [None, *(each.kind for each in self._tokens), None]
        around = zip(kinds, self._tokens, kinds[2:], strict=False)
        lone = [
            token
            for before, token, after in around
            if token.kind == Kind.NUMBER
            and before not in (Kind.TIMES, Kind.AT, Kind.WORD)
            and after not in (Kind.TIMES, Kind.UNIT, Kind.WORD)
        ]
        is_product = (Kind.NUMBER, Kind.TIMES) in pairwise(kinds)
        return lone if is_product else []

    def _number_after(self, token: Token) -> Token:
        number = self._take(Kind.NUMBER) or (
            self._take(Kind.TIME) if token.kind == Kind.TIMES else None
        )
        if number is None:
            raise self._error(token.span, f"Write a number after {token.text}.")
        return number

    def _peek(self, kind: Kind | None = None) -> Token | None:
        """Return the next token; None if there is none of this kind."""
        if self._position == len(self._tokens):
            return None
        token = self._tokens[self._position]
        return token if kind in (None, token.kind) else None

    def _take(self, kind: Kind) -> Token | None:
        token = self._peek(kind)
        self._position += token is not None
        return token


def _is_word(token: Token, word: str) -> bool:
    return token.kind == Kind.WORD and token.text.lower() == word
