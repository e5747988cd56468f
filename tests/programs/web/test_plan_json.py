"""Both JSON forms of a plan, which are complete at every stage of a growing plan."""

import datetime as dt
import json
import re
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from gymlocker.v2 import plan_pb2
from hypothesis import HealthCheck, given, settings

from server.programs.web.plan_json import blueprint, legacy_plan
from server.services.ai.planner.json_schema import data_of
from server.services.ai.planner.parser import parse_plan
from server.services.ai.planner.partial_plan import parse_partial_json, partial_plan
from tests.services.ai.planner.plans import PLAN, SESSION, Json, plans

TODAY = dt.date(2026, 2, 7)
REST = {"minRest": "PT1M30S", "maxRest": "PT3M", "failureRest": "PT5M"}
LEGACY_REST = {"minRest": "00:01:30", "maxRest": "00:03:00", "failureRest": "00:05:00"}
ONE_SESSION = parse_plan(PLAN | {"sessions": [SESSION]})

SQUAT = {
    "type": "WeightedExerciseBlueprint",
    "name": "Kniebeuge 🏋️",
    "plannedSets": [{"reps": {"min": 8, "max": 12}}] * 3,
    "restBetweenSets": REST,
    "supersetWithNext": True,
    "notes": 'Tief, mit "geradem" Rücken\n',
    "link": "",
    "progression": [
        {
            "axis": "load",
            "step": "2.5",
            "scope": {"type": "allSets"},
            "trigger": "allSetsMetTarget",
        },
        {
            "axis": "reps",
            "step": "1",
            "scope": {"type": "lowestSets", "pick": "middle"},
            "ceiling": "12",
            "onCeiling": "reset",
            "trigger": "allSetsMetTarget",
        },
    ],
    "resistance": "external",
}
RUN: Json = {
    "type": "CardioExerciseBlueprint",
    "name": "Laufen",
    "sets": [
        {
            "target": {"type": "time", "value": "PT31M30S"},
            "trackDuration": True,
            "trackDistance": False,
            "trackResistance": False,
            "trackIncline": True,
            "trackWeight": False,
            "trackSteps": False,
            "restBetweenSets": REST,
        },
        {
            "target": {"type": "distance", "value": {"value": "12.5", "unit": "kilometre"}},
            "trackDuration": False,
            "trackDistance": True,
            "trackResistance": False,
            "trackIncline": True,
            "trackWeight": False,
            "trackSteps": False,
        },
    ],
    "notes": "",
    "link": "",
}


def _text(data: object) -> str:
    """Return the JSON, in which the order of keys counts."""
    return json.dumps(data, ensure_ascii=False)


def _require_complete(plan: dict[str, Any]) -> None:
    assert list(plan) == ["version", "name", "lastEdited", "sessions"]
    for session in plan["sessions"]:
        assert list(session) == ["version", "name", "notes", "exercises"]
        for exercise in session["exercises"]:
            if exercise["type"] == "WeightedExerciseBlueprint":
                assert list(exercise) == list(SQUAT)
                _require_rest(exercise["restBetweenSets"])
                for progression in exercise["progression"]:
                    assert progression["step"] and progression["axis"] in ("reps", "load")
            else:
                assert list(exercise) == list(RUN)
                for one in exercise["sets"]:
                    assert list(one)[:7] == list(RUN["sets"][1])
                    assert one["target"]["value"]
                    _require_rest(one.get("restBetweenSets", REST))


def _require_rest(rest: dict[str, str]) -> None:
    assert list(rest) == ["minRest", "maxRest", "failureRest"]
    for value in rest.values():
        assert re.fullmatch(r"PT(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?", value)


def _require_complete_legacy(plan: dict[str, Any]) -> None:
    assert list(plan) == ["name", "description", "sessions"]
    for session in plan["sessions"]:
        assert list(session) == ["name", "notes", "exercises"]
        for exercise in session["exercises"]:
            assert list(exercise) == [
                "name",
                "sets",
                "repsPerSet",
                "weightIncreaseOnSuccess",
                "restBetweenSets",
                "supersetWithNext",
                "notes",
                "link",
            ]
            assert exercise["sets"] >= 1 and exercise["repsPerSet"] >= 1
            for value in exercise["restBetweenSets"].values():
                assert re.fullmatch(r"(\d+\.)?\d\d:\d\d:\d\d(\.\d{7})?", value)


class TestBlueprint:
    def test_matches_expected_json(self) -> None:
        assert _text(blueprint(ONE_SESSION, TODAY)) == _text(
            {
                "version": 3,
                "name": "Grüße an die Kraft 💪",
                "lastEdited": "2026-02-07",
                "sessions": [
                    {
                        "version": 6,
                        "name": "Tag A",
                        "notes": "Aufwärmen!",
                        "exercises": [SQUAT, RUN],
                    }
                ],
            }
        )


class TestLegacyPlan:
    def test_matches_expected_json(self) -> None:
        squat = {
            "name": "Kniebeuge 🏋️",
            "sets": 3,
            "repsPerSet": 12,
            "weightIncreaseOnSuccess": 2.5,
            "restBetweenSets": LEGACY_REST,
            "supersetWithNext": True,
            "notes": 'Tief, mit "geradem" Rücken\n',
            "link": "",
        }
        run = {
            "name": "Laufen",
            "sets": 2,
            "repsPerSet": 1,
            "weightIncreaseOnSuccess": 0.0,
            "restBetweenSets": LEGACY_REST,
            "supersetWithNext": False,
            "notes": "31:30 min, 12.5 km",
            "link": "",
        }
        assert _text(legacy_plan(ONE_SESSION)) == _text(
            {
                "name": "Grüße an die Kraft 💪",
                "description": "Für den Anfang.",
                "sessions": [{"name": "Tag A", "notes": "Aufwärmen!", "exercises": [squat, run]}],
            }
        )

    def test_names_a_shared_target_once(self) -> None:
        sprint = plan_pb2.CardioSet(
            distance=plan_pb2.Distance(value="400", unit=plan_pb2.Distance.UNIT_METRE)
        )
        exercise = plan_pb2.CardioExercise(name="Sprint", sets=[sprint] * 4, notes="Fast!")
        session = plan_pb2.PlanSession(exercises=[plan_pb2.PlanExercise(cardio=exercise)])
        data = legacy_plan(plan_pb2.Plan(sessions=[session]))
        assert data["sessions"][0]["exercises"][0]["notes"] == "4 × 400 m\nFast!"


class TestBothForms:
    @pytest.mark.parametrize(
        ("duration", "iso", "legacy"),
        [
            (Duration(), "PT0S", "00:00:00"),
            (Duration(seconds=45), "PT45S", "00:00:45"),
            (Duration(seconds=60), "PT1M", "00:01:00"),
            (Duration(seconds=90), "PT1M30S", "00:01:30"),
            (Duration(seconds=3600), "PT1H", "01:00:00"),
            (Duration(seconds=3_661), "PT1H1M1S", "01:01:01"),
            (Duration(seconds=86_399), "PT23H59M59S", "23:59:59"),
            (Duration(seconds=86_400), "PT24H", "1.00:00:00"),
            (Duration(seconds=90_000), "PT25H", "1.01:00:00"),
            (Duration(seconds=36, nanos=600_000_000), "PT36.6S", "00:00:36.6000000"),
            (Duration(seconds=60, nanos=5_000_000), "PT1M0.005S", "00:01:00.0050000"),
            # A tick of .NET is 100 ns.
            (Duration(seconds=1, nanos=99), "PT1.000000099S", "00:00:01"),
        ],
    )
    def test_formats_durations(self, duration: Duration, iso: str, legacy: str) -> None:
        rest = plan_pb2.RestBetweenSets(min_rest=duration, max_rest=duration, failure_rest=duration)
        exercise = plan_pb2.WeightedExercise(name="Squat", rest_between_sets=rest)
        session = plan_pb2.PlanSession(exercises=[plan_pb2.PlanExercise(weighted=exercise)])
        plan = plan_pb2.Plan(sessions=[session])
        new = blueprint(plan, TODAY)["sessions"][0]["exercises"][0]
        old = legacy_plan(plan)["sessions"][0]["exercises"][0]
        assert set(new["restBetweenSets"].values()) == {iso}
        assert set(old["restBetweenSets"].values()) == {legacy}

    def test_completes_a_partial_exercise(self) -> None:
        text = '{"name":"P","sessions":[{"name":"A","notes":"","exercises":[{"weighted":{"name":"Sq'
        plan = partial_plan(parse_partial_json(text))
        assert blueprint(plan, TODAY)["sessions"][0]["exercises"] == [
            {
                "type": "WeightedExerciseBlueprint",
                "name": "Sq",
                "plannedSets": [],
                "restBetweenSets": REST,
                "supersetWithNext": False,
                "notes": "",
                "link": "",
                "progression": [],
                "resistance": "external",
            }
        ]
        assert legacy_plan(plan)["sessions"][0]["exercises"] == [
            {
                "name": "Sq",
                "sets": 1,
                "repsPerSet": 10,
                "weightIncreaseOnSuccess": 0.0,
                "restBetweenSets": LEGACY_REST,
                "supersetWithNext": False,
                "notes": "",
                "link": "",
            }
        ]

    def test_is_complete_at_every_stage(self) -> None:
        text = json.dumps(PLAN)
        for length in range(len(text) + 1):
            plan = partial_plan(parse_partial_json(text[:length]))
            _require_complete(blueprint(plan, TODAY))
            _require_complete_legacy(legacy_plan(plan))

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(plans)
    def test_is_complete_for_any_plan(self, plan: plan_pb2.Plan) -> None:
        assert plan == parse_plan(data_of(plan))
        _require_complete(blueprint(plan, TODAY))
        _require_complete_legacy(legacy_plan(plan))
