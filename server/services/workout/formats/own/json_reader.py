"""Our JSON: an array of workouts as `write.py` writes it, or a reply of ListWorkouts.

Keys are those of the API, in lowerCamelCase or snake_case. Fields that the server sets, other than
`source` and `createTime`, are ignored. A number may be written as a string.
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import BinaryIO, TypeVar

from server.libraries.common.text import uuid_in
from server.services.workout.formats.model import (
    SOURCES,
    BadCell,
    Format,
    Problem,
    ReadFile,
    ReadOptions,
    UnreadableFile,
    quoted,
)
from server.services.workout.formats.own.entries import MINUTES, Entry, settle, whole_duration
from server.services.workout.formats.own.json_stream import Json, JsonStream, Malformed
from server.services.workout.formats.size import SetCount
from server.services.workout.formats.values import (
    boolean,
    choice,
    date,
    decimal,
    instant,
    name,
    rpe,
    text,
    time,
    whole,
)
from server.services.workout.model import (
    DISTANCE_UNITS,
    KINDS,
    MAX_DISTANCE,
    MAX_EXERCISE_NOTES_CHARACTERS,
    MAX_EXERCISES,
    MAX_NAME_CHARACTERS,
    MAX_NOTES_CHARACTERS,
    MAX_REPS,
    MAX_SECONDS,
    MAX_SET_NOTES_CHARACTERS,
    MAX_SETS,
    MAX_SUPERSET,
    MAX_TYPE_CHARACTERS,
    MAX_WEIGHT,
    WEIGHT_UNITS,
    Exercise,
    Set,
)

_WORKOUT_KEYS = frozenset(
    {"id", "date", "type", "duration", "notes", "start_time", "exercises", "source", "create_time"}
)
_IGNORED_KEYS = frozenset({"update_time", "etag", "exercise_count", "set_count"})
_EXERCISE_KEYS = frozenset({"name", "notes", "superset", "sets"})
_SET_KEYS = frozenset(
    {"kind", "reps", "weight", "distance", "duration_seconds", "rpe", "completed", "notes"}
)
_MEASURE_KEYS = frozenset({"value", "unit"})
_SNAKE_CASE = {
    "startTime": "start_time",
    "createTime": "create_time",
    "updateTime": "update_time",
    "exerciseCount": "exercise_count",
    "setCount": "set_count",
    "durationSeconds": "duration_seconds",
}
_MAX_UNREAD = 100
_MAX_KEY_CHARACTERS = 100

_Value = TypeVar("_Value")


def read(file: BinaryIO, options: ReadOptions) -> ReadFile:
    """Read a file of workouts. Raises UnreadableFile."""
    found = ReadFile(Format.GYMLOCKER)
    reader = _Reader()
    entries: list[Entry] = []
    sets = SetCount()
    stream = JsonStream(file)
    with contextlib.closing(stream):
        try:
            _find_workouts(stream)
            for line, value in stream.elements():
                try:
                    entries.append(reader.entry(line, value))
                    sets.add(entries[-1].exercises)
                except BadCell as problem:
                    found.problems.append(Problem(line, f"{problem}."))
        except Malformed as problem:
            found.problems.append(Problem(stream.line, str(problem)))
    found.columns_not_read.extend(reader.unread)
    settle(found, entries, options, "")
    return found


def _find_workouts(stream: JsonStream) -> None:
    """Go to the array of workouts. Raises UnreadableFile if there is none."""
    try:
        if stream.peek() == "[":
            return
        for key in stream.members():
            if key == "workouts" and stream.peek() == "[":
                return
            stream.value()
    except Malformed:
        pass
    raise UnreadableFile(
        "The file is not a list of workouts. Choose a JSON file of an export, or of a reply with "
        '"workouts".'
    )


class _Reader:
    """Reader of JSON values into workouts. `unread` has the keys that it does not know."""

    def __init__(self) -> None:
        self.unread: dict[str, None] = {}
        self._ids: dict[object, int] = {}

    def entry(self, line: int, value: Json) -> Entry:
        """Return a workout. Raises BadCell."""
        fields = self._fields("", value, _WORKOUT_KEYS, _IGNORED_KEYS)
        given = fields.text("id")
        id_ = uuid_in(given) if given else None
        if given and id_ is None:
            raise BadCell("id", f"{quoted(given)} is not a UUID with hyphens")
        if id_ in self._ids:
            raise BadCell("id", f"must be unique; line {self._ids[id_]} has it, too")
        start_time, created = fields.text("start_time"), fields.text("create_time")
        if start_time:
            time("startTime", start_time)
        entry = Entry(
            line,
            id_,
            date("date", fields.text("date")),
            name("type", fields.text("type"), MAX_TYPE_CHARACTERS),
            fields.parsed("duration", lambda title, found: whole_duration(title, found, MINUTES)),
            "duration",
            text("notes", fields.text("notes"), MAX_NOTES_CHARACTERS),
            start_time,
            self._exercises(fields),
            self._source(fields),
            instant("createTime", created) if created else None,
        )
        if id_:
            self._ids[id_] = line
        return entry

    def _exercises(self, workout: "_Fields") -> tuple[Exercise, ...]:
        return tuple(
            self._exercise(title, value)
            for title, value in workout.elements("exercises", MAX_EXERCISES)
        )

    def _exercise(self, title: str, value: Json) -> Exercise:
        fields = self._fields(title, value, _EXERCISE_KEYS)
        notes = fields.text("notes")
        return Exercise(
            name(fields.title("name"), fields.text("name"), MAX_NAME_CHARACTERS),
            text(fields.title("notes"), notes, MAX_EXERCISE_NOTES_CHARACTERS),
            fields.whole("superset", MAX_SUPERSET),
            tuple(self._set(title, one) for title, one in fields.elements("sets", MAX_SETS)),
        )

    def _set(self, title: str, value: Json) -> Set:
        fields = self._fields(title, value, _SET_KEYS)
        return Set(
            fields.choice("kind", KINDS),
            fields.whole("reps", MAX_REPS),
            *self._measure(fields, "weight", -MAX_WEIGHT, MAX_WEIGHT, WEIGHT_UNITS),
            *self._measure(fields, "distance", 0, MAX_DISTANCE, DISTANCE_UNITS),
            fields.whole("duration_seconds", MAX_SECONDS),
            fields.parsed("rpe", rpe),
            fields.parsed("completed", boolean),
            text(fields.title("notes"), fields.text("notes"), MAX_SET_NOTES_CHARACTERS),
        )

    def _measure(
        self, one: "_Fields", key: str, least: int, most: int, units: tuple[str, ...]
    ) -> tuple[float | None, str | None]:
        """Return a value and its unit."""
        if one.values.get(key) is None:
            return None, None
        fields = self._fields(one.title(key), one.values[key], _MEASURE_KEYS)
        value = decimal(fields.title("value"), fields.text("value"), least, most)
        return value, choice(fields.title("unit"), fields.text("unit"), units)

    def _source(self, workout: "_Fields") -> str:
        """Return the source; an unknown one is reported as not read."""
        if "source" not in workout.values:
            return Format.GYMLOCKER.value
        source = workout.text("source").lower()
        if source in SOURCES:
            return source
        self._note_unread(f"source: {source}")
        return Format.GYMLOCKER.value

    def _fields(
        self,
        title: str,
        value: Json,
        keys: frozenset[str],
        ignored: frozenset[str] = frozenset(),
    ) -> "_Fields":
        """Return the fields of an object by their names in snake_case; note unknown keys."""
        if not isinstance(value, dict):
            raise BadCell(title or "workout", "must be an object")
        known: dict[str, Json] = {}
        for key, member in value.items():
            snake_case = _SNAKE_CASE.get(key, key)
            if snake_case in keys:
                known[snake_case] = member
            elif snake_case not in ignored and member not in (None, "", [], {}):
                self._note_unread(re.sub(r"\[\d+\]", "", f"{title}.{key}" if title else key))
        return _Fields(title, known)

    def _note_unread(self, key: str) -> None:
        if len(self.unread) < _MAX_UNREAD:
            # A key may have half of a surrogate pair, which no response can hold.
            shown = key[:_MAX_KEY_CHARACTERS].encode(errors="replace").decode()
            self.unread[shown] = None


class _Fields:
    """The fields of an object: a missing one is the same as null. All methods raise BadCell."""

    def __init__(self, title: str, values: Mapping[str, Json]) -> None:
        self.values = values
        self._title = title

    def title(self, key: str) -> str:
        """Return the path of a field, as in `exercises[0].sets[2].reps`."""
        return f"{self._title}.{key}" if self._title else key

    def text(self, key: str) -> str:
        """Return a text; "" if it is missing."""
        value = self.values.get(key)
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str):
            raise BadCell(self.title(key), "must be a single value")
        return value

    def parsed(self, key: str, parse: Callable[[str, str], _Value]) -> _Value | None:
        """Return what `parse` makes of the title and the text; None if it is missing."""
        if self.values.get(key) is None:
            return None
        return parse(self.title(key), self.text(key))

    def whole(self, key: str, most: int) -> int | None:
        """Return a whole number from 0 to `most`."""
        return self.parsed(key, lambda title, found: whole(title, found, 0, most))

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """Return one of `choices`; None if it is missing or empty."""
        return choice(self.title(key), self.text(key), choices) if self.text(key) else None

    def elements(self, key: str, most: int) -> list[tuple[str, Json]]:
        """Return the elements of a list with their paths."""
        value = self.values.get(key)
        if value is None:
            return []
        title = self.title(key)
        if not isinstance(value, list):
            raise BadCell(title, "must be a list")
        if len(value) > most:
            raise BadCell(title, f"must have at most {most:,} elements, not {len(value):,}")
        return [(f"{title}[{index}]", one) for index, one in enumerate(value)]
