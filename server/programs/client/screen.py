"""How it looks: tables, aligned by spaces where the output is no terminal."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO

from gymlocker.v2 import workout_pb2
from rich import box
from rich.console import Console, OverflowMethod
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from server.programs.client.importing import Source
from server.programs.client.text import counted, printable

PLAIN_WIDTH = 100
MAX_TYPES = 15
MAX_MONTHS = 12
MAX_WEEKS = 8
# Of a column that holds what people typed.
TYPE_WIDTH = 30


def console_on(stream: TextIO) -> Console:
    """A console that writes any text to any terminal, file or pipe."""
    if isinstance(stream, TextIOWrapper):
        # Notes must not end in a traceback because a terminal lacks a character.
        stream.reconfigure(errors="replace")
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


class Bar:
    """How far an upload is."""

    def __init__(self, progress: Progress, task: TaskID, size: int | None) -> None:
        self._progress = progress
        self._task = task
        self._size = size
        self._sent = 0

    def sent(self, size: int) -> None:
        """So many more bytes are on their way."""
        self._sent += size
        self._progress.update(self._task, completed=self._sent)
        if self._size is not None and self._sent >= self._size:
            self._progress.update(self._task, description="Adding", total=None)


@contextmanager
def upload_bar(source: Source) -> Iterator[Bar]:
    """Shows on the terminal how far an upload is, and nothing where there is none."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True)
    console = console_on(sys.stderr)
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as progress:
        yield Bar(progress, progress.add_task("Sending", total=source.size), source.size)


class Screen:
    """Writes the results of the commands."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Writes a sentence."""
        self._console.print(Text(printable(text)), soft_wrap=True)

    def workouts(self, workouts: Sequence[workout_pb2.Workout], *, more: bool) -> None:
        """Lists workouts; of long notes, the beginning."""
        if not workouts:
            self.say("There are no such workouts.")
            return
        table = self._table("Date", "Type", "Minutes", "Notes")
        for workout in workouts:
            row = (workout.date, workout.type, str(workout.duration), workout.notes)
            table.add_row(*(_cell(each) for each in row))
        self._console.print(table)
        if more:
            self.say(f"The newest {len(workouts):,}; there are more: --limit.")

    def figures(self, stats: workout_pb2.GetWorkoutStatsResponse) -> None:
        """Shows totals, streaks, and sums of types, months and weeks."""
        if not stats.count:
            self.say("There are no such workouts.")
            return
        self.say(f"{counted(stats.count, 'workout')}, {counted(stats.minutes, 'minute')}")
        self.say(
            f"Current streak: {counted(stats.current_streak, 'day')}; "
            f"longest: {counted(stats.longest_streak, 'day')}"
        )
        types = [(each.type, each.count, each.minutes) for each in stats.types]
        self._sums("Type", types[:MAX_TYPES], len(types))
        months = [(each.start[:7], each.count, each.minutes) for each in stats.months]
        self._sums("Month", months[-MAX_MONTHS:], len(months))
        weeks = [(each.start, each.count, each.minutes) for each in stats.weeks]
        self._sums("Week of", weeks[-MAX_WEEKS:], len(weeks))

    def imported(
        self,
        source: Source,
        options: workout_pb2.ImportWorkoutsRequest,
        reply: workout_pb2.ImportWorkoutsResponse,
    ) -> None:
        """Says what became of a file, and what is wrong with it."""
        self.say(f"Taken for a file of: {reply.format}")
        verb = "would be added" if options.dry_run else "added"
        self.say(f"{counted(reply.added, 'workout')} {verb}, {reply.existing:,} there already.")
        if reply.assumed_durations:
            self.say(
                f"{counted(reply.assumed_durations, 'workout')} without a length of their own: "
                f"{options.default_duration or 60} minutes assumed (--default-duration)."
            )
        if reply.problem_count:
            self._problems(source, options, reply)

    def _problems(
        self,
        source: Source,
        options: workout_pb2.ImportWorkoutsRequest,
        reply: workout_pb2.ImportWorkoutsResponse,
    ) -> None:
        nothing = options.all_or_nothing
        left_out = "so nothing is added" if nothing else "and the workouts there are left out"
        found = counted(reply.problem_count, "problem")
        self.say(f"{found} in {source.name}, {left_out}:")
        table = self._table("Line", "What is wrong", shorten=False)
        for problem in reply.problems:
            table.add_row(str(problem.line), Text(printable(problem.message)))
        self._console.print(table)
        rest = reply.problem_count - len(reply.problems)
        if rest > 0:
            self.say(f"And {rest:,} more.")

    def _sums(self, heading: str, rows: Sequence[tuple[str, int, int]], of: int) -> None:
        table = self._table(heading, "Workouts", "Minutes")
        for name, count, minutes in rows:
            table.add_row(_cell(name), f"{count:,}", f"{minutes:,}")
        self._console.print()
        self._console.print(table)
        if of > len(rows):
            self.say(f"{len(rows)} of {of:,}.")

    def _table(self, *headings: str, shorten: bool = True) -> Table:
        style = box.SIMPLE_HEAD if self._console.is_terminal else None
        table = Table(box=style, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        # Not every encoding has the character that rich ends a shortened cell with.
        is_unicode = self._console.encoding.startswith("utf")
        shortened: OverflowMethod = "ellipsis" if is_unicode else "crop"
        for heading in headings:
            is_number = heading in ("Workouts", "Minutes", "Line")
            table.add_column(
                heading,
                justify="right" if is_number else "left",
                no_wrap=shorten or is_number,
                overflow=shortened if shorten else "fold",
                max_width=TYPE_WIDTH if heading == "Type" else None,
            )
        return table


def _cell(text: str) -> Text:
    return Text(printable(text))
