"""Query parameters that a call has, and those that it has not."""

import pytest

from server.errors import InvalidArgument
from server.libraries.rpc.context import current_metadata
from server.libraries.rpc.query_parameters import ORIGINAL_PATH_KEY, require_known
from server.programs.worker.contract import contract_methods

METHODS = contract_methods()


def known(name: str) -> set[str] | None:
    """The parameters of a method; None: any."""
    parameters = METHODS[f"/gymlocker.v2.{name}"].parameters
    return None if parameters is None else set(parameters)


def passes(path: str, names: set[str] | None) -> bool:
    """Whether a call that came by a path is let through."""
    current_metadata.set(((ORIGINAL_PATH_KEY, path),))
    require_known(frozenset(names or ()))
    return True


def refused(path: str, names: set[str] | None) -> list[tuple[str, str]]:
    """The violations of a call that came by a path."""
    current_metadata.set(((ORIGINAL_PATH_KEY, path),))
    with pytest.raises(InvalidArgument) as raised:
        require_known(frozenset(names or ()))
    assert raised.value.reason == "UNKNOWN_PARAMETER"
    return raised.value.violations


def test_calls_that_read_may_be_asked_anything() -> None:
    for name in ("UserService/GetUser", "EventService/GetEvents", "WorkoutService/ListWorkouts"):
        assert known(name) is None


def test_what_is_in_no_body_stands_in_the_query_in_both_spellings() -> None:
    options = {"format", "dry_run", "all_or_nothing", "default_duration"}
    camel = {"dryRun", "allOrNothing", "defaultDuration"}
    assert known("WorkoutService/ImportWorkouts") == options | camel
    assert known("WorkoutService/UpdateWorkout") == {"id", "update_mask", "updateMask"}
    assert known("WorkoutService/DeleteWorkout") == {"id"}
    assert known("EventService/PutEvent") == set()


@pytest.mark.parametrize("query", ["", "?", "?dry_run=true", "?dryRun=1&format=", "?dry_run.x=1"])
def test_known_ones_pass(query: str) -> None:
    assert passes(f"/workouts/import{query}", known("WorkoutService/ImportWorkouts"))


@pytest.mark.parametrize(
    ("query", "name", "nearest"),
    [
        ("dry-run=true", "dry-run", "did you mean 'dry_run'?"),
        ("allornothing", "allornothing", "did you mean 'all_or_nothing'?"),
        ("format=csv&DryRun=1", "DryRun", "did you mean 'dryRun'?"),
        ("dry%2Drun=", "dry-run", "did you mean 'dry_run'?"),
        ("x=1", "x", "known are all_or_nothing, default_duration, dry_run, format"),
    ],
)
def test_an_unknown_one_is_named_with_the_nearest(query: str, name: str, nearest: str) -> None:
    found = refused(f"/workouts/import?{query}", known("WorkoutService/ImportWorkouts"))
    assert found == [(name, f"unknown query parameter {name!r}: {nearest}")]


def test_an_error_stays_small() -> None:
    query = "&".join(f"{'n' * 300}{number}=1" for number in range(100))
    found = refused(f"/event?{query}", known("EventService/PutEvent"))
    assert len(found) <= 20
    assert all(len(text) < 150 for _, text in found)


@pytest.mark.parametrize("path", ["/backup", "/v2/backup"])
def test_people_add_what_they_like_to_where_backups_go(path: str) -> None:
    assert passes(f"{path}?key=x", set())
