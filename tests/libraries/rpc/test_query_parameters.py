"""Known and unknown query parameters."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from server.errors import InvalidArgument
from server.libraries.network.grpc_protocol import ORIGINAL_PATH_KEY
from server.libraries.rpc.context import current_metadata
from server.libraries.rpc.query_parameters import require_known
from server.programs.worker.contract import contract_methods

METHODS = contract_methods()


def known(name: str) -> set[str] | None:
    """Return the parameters of a method; None allows any."""
    parameters = METHODS[f"/gymlocker.v2.{name}"].parameters
    return None if parameters is None else set(parameters)


@contextmanager
def called_by(path: str) -> Iterator[None]:
    """Run the block as a transcoded call by a path."""
    token = current_metadata.set(((ORIGINAL_PATH_KEY, path),))
    try:
        yield
    finally:
        current_metadata.reset(token)


def accepts(path: str, names: set[str] | None) -> bool:
    """Check that a call by a path is accepted."""
    with called_by(path):
        require_known(frozenset(names or ()))
    return True


def rejected(path: str, names: set[str] | None) -> list[tuple[str, str]]:
    """Return the violations of a call by a path."""
    with called_by(path), pytest.raises(InvalidArgument) as raised:
        require_known(frozenset(names or ()))
    assert raised.value.reason == "UNKNOWN_PARAMETER"
    return raised.value.violations


def test_calls_that_read_allow_any_parameter() -> None:
    for name in ("UserService/GetUser", "EventService/GetEvents", "WorkoutService/ListWorkouts"):
        assert known(name) is None


def test_fields_outside_the_body_are_parameters_in_both_spellings() -> None:
    options = {"format", "dry_run", "all_or_nothing", "default_duration"}
    options |= {"unit", "time_zone", "on_change"}
    camel = {"dryRun", "allOrNothing", "defaultDuration", "timeZone", "onChange"}
    assert known("WorkoutService/ImportWorkouts") == options | camel
    assert known("WorkoutService/UpdateWorkout") == {"id", "update_mask", "updateMask", "etag"}
    assert known("WorkoutService/DeleteWorkout") == {"id", "etag"}
    assert known("EventService/PutEvent") == set()


@pytest.mark.parametrize("query", ["", "?", "?dry_run=true", "?dryRun=1&format=", "?dry_run.x=1"])
def test_accepts_known_parameters(query: str) -> None:
    assert accepts(f"/workouts/import{query}", known("WorkoutService/ImportWorkouts"))


KNOWN = "all_or_nothing, default_duration, dry_run, format, on_change, time_zone, unit"


@pytest.mark.parametrize(
    ("query", "name", "nearest"),
    [
        ("dry-run=true", "dry-run", "did you mean 'dry_run'?"),
        ("allornothing", "allornothing", "did you mean 'all_or_nothing'?"),
        ("format=csv&DryRun=1", "DryRun", "did you mean 'dryRun'?"),
        ("dry%2Drun=", "dry-run", "did you mean 'dry_run'?"),
        ("x=1", "x", f"known are {KNOWN}"),
    ],
)
def test_suggests_the_nearest_name_for_an_unknown_parameter(
    query: str, name: str, nearest: str
) -> None:
    found = rejected(f"/workouts/import?{query}", known("WorkoutService/ImportWorkouts"))
    assert found == [(name, f"unknown query parameter {name!r}: {nearest}")]


def test_error_stays_small() -> None:
    query = "&".join(f"{'n' * 300}{number}=1" for number in range(100))
    found = rejected(f"/event?{query}", known("EventService/PutEvent"))
    assert len(found) <= 20
    assert all(len(text) < 150 for _, text in found)


@pytest.mark.parametrize("path", ["/backup", "/v2/backup"])
def test_allows_any_parameter_in_the_backup_url(path: str) -> None:
    assert accepts(f"{path}?key=x", set())
