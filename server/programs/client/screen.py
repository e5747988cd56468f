"""Formatted output: tables, aligned with spaces if the output is not a terminal."""

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
# Of a column with text that users typed.
TYPE_WIDTH = 30


def console_on(stream: TextIO) -> Console:
    """Return a console that writes any text to any terminal, file or pipe."""
    if isinstance(stream, TextIOWrapper):
        # A character that the terminal's encoding lacks must not cause a traceback.
        stream.reconfigure(errors="replace")
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


class Bar:
    """The progress bar of an upload."""

    def __init__(self, progress: Progress, task: TaskID, size: int | None) -> None:
        self._progress = progress
        self._task = task
        self._size = size
        self._sent = 0

    def sent(self, size: int) -> None:
        """Advance the bar by `size` bytes."""
        self._sent += size
        self._progress.update(self._task, completed=self._sent)
        if self._size is not None and self._sent >= self._size:
            self._progress.update(self._task, description="Adding", total=None)


@contextmanager
def upload_bar(source: Source) -> Iterator[Bar]:
    """Show the progress of an upload on the terminal; nothing if there is no terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True)
    console = console_on(sys.stderr)
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as progress:
        yield Bar(progress, progress.add_task("Sending", total=source.size), source.size)


class Screen:
    """Output of the commands."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, text: str) -> None:
        """Write a sentence."""
        self._console.print(Text(printable(text)), soft_wrap=True)

    def workouts(self, workouts: Sequence[workout_pb2.Workout], *, more: bool) -> None:
        """Write a table of workouts; long notes are shortened."""
        if not workouts:
            self.write("No workouts found.")
            return
        table = self._table("Date", "Type", "Minutes", "Notes")
        for workout in workouts:
            row = (workout.date, workout.type, str(workout.duration), workout.notes)
            table.add_row(*(_cell(each) for each in row))
        self._console.print(table)
        if more:
            self.write(f"Showing the newest {len(workouts):,}; for more, use --limit.")

    def stats(self, stats: workout_pb2.GetWorkoutStatsResponse) -> None:
        """Write totals, streaks, and sums per type, month and week."""
        if not stats.count:
            self.write("No workouts found.")
            return
        self.write(f"{counted(stats.count, 'workout')}, {counted(stats.minutes, 'minute')}")
        self.write(
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
        response: workout_pb2.ImportWorkoutsResponse,
    ) -> None:
        """Write the result of an import, and the problems of the file."""
        self.write(f"Format of the file: {response.format}")
        verb = "would be added" if options.dry_run else "added"
        self.write(
            f"{counted(response.added, 'workout')} {verb}, {response.existing:,} already there."
        )
        if response.assumed_durations:
            self.write(
                f"{counted(response.assumed_durations, 'workout')} without a duration: assumed "
                f"{options.default_duration or 60} minutes (--default-duration)."
            )
        if response.problem_count:
            self._problems(source, options, response)

    def _problems(
        self,
        source: Source,
        options: workout_pb2.ImportWorkoutsRequest,
        response: workout_pb2.ImportWorkoutsResponse,
    ) -> None:
        effect = "nothing was added" if options.all_or_nothing else "these workouts were skipped"
        found = counted(response.problem_count, "problem")
        self.write(f"{found} in {source.name}; {effect}:")
        table = self._table("Line", "Problem", shorten=False)
        for problem in response.problems:
            table.add_row(str(problem.line), Text(printable(problem.message)))
        self._console.print(table)
        rest = response.problem_count - len(response.problems)
        if rest > 0:
            self.write(f"And {rest:,} more.")

    def _sums(self, heading: str, rows: Sequence[tuple[str, int, int]], of: int) -> None:
        table = self._table(heading, "Workouts", "Minutes")
        for name, count, minutes in rows:
            table.add_row(_cell(name), f"{count:,}", f"{minutes:,}")
        self._console.print()
        self._console.print(table)
        if of > len(rows):
            self.write(f"{len(rows)} of {of:,}.")

    def _table(self, *headings: str, shorten: bool = True) -> Table:
        style = box.SIMPLE_HEAD if self._console.is_terminal else None
        table = Table(box=style, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        # Not every encoding has the ellipsis with which rich ends a shortened cell.
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
