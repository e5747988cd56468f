"""Options and arguments of the commands for the training log."""

from enum import Enum
from typing import Annotated, TypeAlias

import typer

From: TypeAlias = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="First day: 2026-02-07, `today` or `yesterday`."),
]
To: TypeAlias = Annotated[
    str | None,
    typer.Option("--to", metavar="DATE", help="Last day: 2026-02-07, `today` or `yesterday`."),
]
Type: TypeAlias = Annotated[
    str | None, typer.Option("--type", help="Only workouts of this type, in any case.")
]
Id: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="Id of the workout, or its first 4 or more characters, if unambiguous."
    ),
]


class Unit(Enum):
    """Units of weights."""

    KG = "kg"
    LB = "lb"


class WeekStart(Enum):
    """First days of a week."""

    MONDAY = "monday"
    SUNDAY = "sunday"


ShownUnit: TypeAlias = Annotated[Unit, typer.Option("--unit", help="Unit of the weights shown.")]
TypedUnit: TypeAlias = Annotated[
    Unit, typer.Option("--unit", help="Unit of weights that are typed without one.")
]


class ExportFormat(Enum):
    """Formats of an export: our own, which are complete, and those that other apps read."""

    CSV = "csv"
    JSON = "json"
    FITNOTES = "fitnotes"
    STRONG = "strong"


class ImportFormat(Enum):
    """Formats of an import: our own, and those of other apps."""

    GYMLOCKER = "gymlocker"
    STRONG = "strong"
    HEVY = "hevy"
    FITNOTES = "fitnotes"
    STRONGLIFTS = "stronglifts"
    LIFTLOG = "liftlog"


class ImportUnit(Enum):
    """Units that a file may leave open: of weights, or of the durations of workouts."""

    KG = "kg"
    LB = "lb"
    SECONDS = "seconds"
    MINUTES = "minutes"


class OnChange(Enum):
    """Effects of a file on workouts that were imported before and differ from it."""

    UPDATE = "update"
    KEEP = "keep"
