"""Progress bars of uploads and downloads, on the standard error if that is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from server.programs.client.screen.console import console_on


class _BytesColumn(DownloadColumn):
    """The bytes of a task that transfers some."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.fields.get("is_download", True) else Text()


class UploadBar:
    """The progress of an upload, and then of the server's work on it."""

    def __init__(self, progress: Progress, size: int | None) -> None:
        self._progress = progress
        self._size = size
        self._task = progress.add_task("Sending", total=size)

    def start(self) -> None:
        """Begin, or begin again after the session was renewed."""
        self._replace("Sending", self._size, is_download=True)

    def sent(self, size: int) -> None:
        """Advance by `size` bytes."""
        self._progress.update(self._task, advance=size)

    def done(self) -> None:
        """Show that the file is sent and the server is working; how long it takes is not known."""
        self._replace("Server is working", None, is_download=False)

    def _replace(self, description: str, total: int | None, *, is_download: bool) -> None:
        # rich cannot make a task indeterminate that has had a total.
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(description, total=total, is_download=is_download)


class DownloadBar:
    """The progress of a download, whose size is not known."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    @property
    def is_shown(self) -> bool:
        """Check whether anybody can see it."""
        return not self._progress.disable

    def describe(self, text: str) -> None:
        """Show what is being downloaded."""
        self._progress.update(self._task, description=text)

    def received(self, size: int) -> None:
        """Advance by `size` bytes."""
        self._progress.update(self._task, advance=size)


@contextmanager
def upload_bar(size: int | None) -> Iterator[UploadBar]:
    """Show the progress of an upload of `size` bytes."""
    with _progress(active=True) as progress:
        yield UploadBar(progress, size)


@contextmanager
def download_bar(*, active: bool) -> Iterator[DownloadBar]:
    """Show the progress of a download if `active`."""
    with _progress(active=active) as progress:
        yield DownloadBar(progress, progress.add_task("Receiving", total=None))


@contextmanager
def bytes_bar(description: str, *, active: bool = True) -> Iterator[Callable[..., None]]:
    """Show the progress of work on a file if `active`.

    The function of the context takes the bytes so far, and their total if it is known.
    """
    with _progress(active=active) as progress:
        task = progress.add_task(description, total=None)

        def show(position: int, total: int | None = None) -> None:
            progress.update(task, completed=position, total=total)

        yield show


def _progress(*, active: bool) -> Progress:
    columns: tuple[ProgressColumn, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        _BytesColumn(binary_units=True),
        TimeElapsedColumn(),
    )
    console = console_on(sys.stderr)
    disable = not (active and sys.stderr.isatty())
    return Progress(*columns, console=console, transient=True, disable=disable)
