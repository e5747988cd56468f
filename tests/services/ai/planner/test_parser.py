"""Parser of a model's data: plans, sessions, and errors that a model can act on."""

import json
from typing import Any

import pytest

from server.services.ai.planner.parser import InvalidPlan, parse_plan, parse_session
from tests.services.ai.planner.plans import PLAN, SESSION, Json


def _changed(path: str, value: object) -> Json:
    data: Json = json.loads(json.dumps(PLAN))
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    target: Any = data
    for key in parents:
        target = target[key]
    if value is KeyError:
        del target[last]
    else:
        target[last] = value
    return data


WEIGHTED = "sessions/0/exercises/0/weighted"
RUN_SET = "sessions/0/exercises/1/cardio/sets"


class TestParsePlan:
    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            ("name", "", "name: must not be empty"),
            ("name", " \n", "name: must not be empty"),
            ("name", "x" * 101, "name: has 101 characters; 1 to 100 characters."),
            ("name", 5, "name: must be a string"),
            ("name", KeyError, "name: is missing"),
            ("sessions", [], "sessions: has 0 items; 1 to 20 of them."),
            ("sessions", [SESSION] * 21, "sessions: has 21 items"),
            ("sessions", "none", "sessions: must be a list"),
            ("sessions/1", "rest day", "sessions[1]: must be an object"),
            ("sessions/0/exercises", [], "sessions[0].exercises: has 0 items; 1 to 30"),
            (
                "sessions/0/exercises/0",
                {},
                "exercises[0]: must be an object with one of these keys",
            ),
            (f"{WEIGHTED}/planned_sets", [], "weighted.planned_sets: has 0 items; 1 to 20"),
            (f"{WEIGHTED}/planned_sets/0/min_reps", 0, "min_reps: is 0; 1 to 1000."),
            (f"{WEIGHTED}/planned_sets/0/max_reps", 1001, "max_reps: is 1001; 1 to 1000."),
            (f"{WEIGHTED}/planned_sets/0/max_reps", 7, "min_reps is more than max_reps"),
            (f"{WEIGHTED}/planned_sets/0/max_reps", "9", "max_reps: must be a whole number"),
            (f"{WEIGHTED}/planned_sets/0/max_reps", True, "max_reps: must be a whole number"),
            (f"{WEIGHTED}/planned_sets/0/max_reps", 8.5, "max_reps: must be a whole number"),
            (f"{WEIGHTED}/rest_between_sets/max_rest_seconds", 3601, "max_rest_seconds: is 3601"),
            (f"{WEIGHTED}/rest_between_sets/min_rest_seconds", -1, "min_rest_seconds: is -1"),
            (f"{WEIGHTED}/rest_between_sets/min_rest_seconds", 200, "more than max_rest_seconds"),
            (f"{WEIGHTED}/rest_between_sets", None, "rest_between_sets: is missing"),
            (
                f"{WEIGHTED}/resistance",
                "heavy",
                "must be one of RESISTANCE_NONE, RESISTANCE_EXTERNAL",
            ),
            (f"{WEIGHTED}/resistance", ["heavy"], "resistance: must be one of"),
            (f"{WEIGHTED}/superset_with_next", "no", "superset_with_next: must be true or false"),
            (f"{WEIGHTED}/progression/0/step", "two", "step: is not usable. A decimal number"),
            (f"{WEIGHTED}/progression/0/step", "2,5", "step: is not usable"),
            (f"{WEIGHTED}/progression/0/step", "-1", "step: is not usable"),
            (f"{WEIGHTED}/progression/0/step", "0", "step: is not usable"),
            (f"{WEIGHTED}/progression/0/step", "1e3", "step: is not usable"),
            (f"{WEIGHTED}/progression/0/step", float("nan"), "step: is not usable"),
            (f"{RUN_SET}/0/target", {}, "sets[0].target: must be an object with one of these keys"),
            (
                f"{RUN_SET}/0/target",
                None,
                "sets[0].target: must be an object with one of these keys",
            ),
            (f"{RUN_SET}/0/target/time_seconds", 0, "target.time_seconds: is 0"),
            (f"{RUN_SET}/1/target/distance/value", "", "distance.value: is not usable"),
        ],
    )
    def test_reports_errors_with_their_paths(self, path: str, value: object, message: str) -> None:
        with pytest.raises(InvalidPlan) as caught:
            parse_plan(_changed(path, value))
        assert message in str(caught.value)
        assert str(caught.value).count("\n") == 0

    @pytest.mark.parametrize("data", [None, [], "plan", 5, {}])
    def test_rejects_data_that_is_not_a_plan(self, data: object) -> None:
        with pytest.raises(InvalidPlan):
            parse_plan(data)

    def test_limits_the_number_of_errors(self) -> None:
        with pytest.raises(InvalidPlan) as caught:
            parse_plan(PLAN | {"sessions": [{}] * 20})
        assert len(str(caught.value).splitlines()) == 10

    @pytest.mark.parametrize(
        ("path", "value", "equal"),
        [
            ("description", KeyError, ""),
            (f"{WEIGHTED}/link", KeyError, ""),
            (f"{WEIGHTED}/notes", None, ""),
            (f"{WEIGHTED}/planned_sets/0/max_reps", 12.0, 12),
            (f"{WEIGHTED}/progression/0/step", 2.5, "2.5"),
            (
                f"{RUN_SET}/0/target",
                {"time_seconds": 1890, "distance": None},
                {"time_seconds": 1890},
            ),
            (f"{RUN_SET}/0/track_steps", KeyError, False),
            ("colour", "red", KeyError),
        ],
    )
    def test_tolerates_deviations_of_models_without_strict_schemas(
        self, path: str, value: object, equal: object
    ) -> None:
        expected = PLAN if equal is KeyError else _changed(path, equal)
        assert parse_plan(_changed(path, value)) == parse_plan(expected)

    def test_keeps_only_links_from_the_person(self) -> None:
        link = "https://example.org/squat"
        data = _changed(f"{WEIGHTED}/link", link)
        exercise = parse_plan(data, [link]).sessions[0].exercises[0].weighted
        assert exercise.link == link
        for others in ([], ["https://example.org/squats"], ["https://example.org/"]):
            assert parse_plan(data, others).sessions[0].exercises[0].weighted.link == ""


class TestParseSession:
    def test_parses_a_session(self) -> None:
        assert parse_session(SESSION) == parse_plan(PLAN).sessions[0]
        with pytest.raises(InvalidPlan, match=r"^name: is missing$"):
            parse_session({"exercises": SESSION["exercises"]})
