"""The result of an import."""

from gymlocker.v2 import workout_pb2

from server.programs.client.importing import Source, with_options
from server.programs.client.screen.console import Screen
from server.programs.client.text import counted

MAX_WARNINGS = 20


def show_import(
    screen: Screen,
    source: Source,
    options: workout_pb2.ImportWorkoutsRequest,
    response: workout_pb2.ImportWorkoutsResponse,
    machine_zone: str,
) -> None:
    """Write the result of an import, and the warnings and problems of the file."""
    would = "would be " if options.dry_run else ""
    screen.write(f"Format of the file: {response.format}")
    updated = f", {response.updated:,} {would}updated" if response.updated else ""
    screen.write(
        f"{counted(response.added, 'workout')} {would}added{updated}, "
        f"{response.existing:,} already there."
    )
    if response.edited_here:
        screen.write(
            f"{counted(response.edited_here, 'workout')} edited here: left as they are, although "
            "the file differs."
        )
    if response.assumed_durations:
        screen.write(
            f"{counted(response.assumed_durations, 'workout')} without a duration: assumed "
            f"{options.default_duration or 60} minutes (--default-duration)."
        )
    if response.columns_not_read:
        screen.write(f"Columns not read: {', '.join(response.columns_not_read)}")
    _warnings(screen, options, response, machine_zone)
    if response.problem_count:
        _problems(screen, source, options, response)


def _warnings(
    screen: Screen,
    options: workout_pb2.ImportWorkoutsRequest,
    response: workout_pb2.ImportWorkoutsResponse,
    machine_zone: str,
) -> None:
    for warning in response.warnings[:MAX_WARNINGS]:
        screen.write(f"Warning: {with_options(warning)}")
    if (rest := len(response.warnings) - MAX_WARNINGS) > 0:
        screen.write(f"And {counted(rest, 'more warning')}.")
    is_about_zone = any("time_zone" in warning for warning in response.warnings)
    if is_about_zone and machine_zone and not options.time_zone:
        screen.write(
            f"If you trained in the time zone of this machine, use --time-zone {machine_zone}."
        )


def _problems(
    screen: Screen,
    source: Source,
    options: workout_pb2.ImportWorkoutsRequest,
    response: workout_pb2.ImportWorkoutsResponse,
) -> None:
    effect = "nothing was added" if options.all_or_nothing else "these workouts were skipped"
    found = counted(response.problem_count, "problem")
    screen.write(f"{found} in {source.name}; {effect}:")
    screen.messages("Line", [(str(each.line), each.message) for each in response.problems])
    rest = response.problem_count - len(response.problems)
    if rest > 0:
        screen.write(f"And {rest:,} more.")
