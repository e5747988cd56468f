"""The schema is strict, says all there is, and what it describes becomes a plan again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from gymlocker.v2 import plan_pb2
from hypothesis import HealthCheck, given, settings

from server.services.ai.planner.fields import FIELDS, fields_of, key_of, type_of
from server.services.ai.planner.json_schema import data_of, schema_of
from server.services.ai.planner.parser import InvalidPlan, plan_of, session_of
from tests.services.ai.planner.plans import PLAN, SESSION, Json, plans

# What strict schemas know, for every server.
KEYWORDS = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "description",
    "items",
    "enum",
    "anyOf",
}
SCHEMA = schema_of(plan_pb2.Plan.DESCRIPTOR)


def _schemas(schema: Json, depth: int = 0) -> Iterator[tuple[Json, int]]:
    yield schema, depth
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    for one in [*inner, *([schema["items"]] if "items" in schema else [])]:
        yield from _schemas(one, depth + (schema.get("type") == "object"))


def test_the_schema_is_strict() -> None:
    for schema, depth in _schemas(SCHEMA):
        assert schema.keys() <= KEYWORDS
        assert depth < 10
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])
    assert SCHEMA["type"] == "object" and "anyOf" not in SCHEMA


def test_everything_is_described_and_nothing_is_unspecified() -> None:
    for schema, _ in _schemas(SCHEMA):
        for key, inner in schema.get("properties", {}).items():
            assert inner["description"], key
    assert "UNSPECIFIED" not in json.dumps(SCHEMA)


def _messages(message: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    if message.file.name == "gymlocker/v2/plan.proto" and message.name not in seen:
        seen.add(message.name)
        yield message
        for field in fields_of(message):
            if field.message_type is not None:
                yield from _messages(type_of(field), seen)


def test_the_table_has_the_fields_of_the_proto_and_no_others() -> None:
    expected = {"CardioSet.target"}
    for message in _messages(plan_pb2.Plan.DESCRIPTOR, set()):
        expected |= {f"{message.name}.{field.name}" for field in fields_of(message)}
    assert set(FIELDS) == expected


def test_some_of_the_schema_word_for_word() -> None:
    session = SCHEMA["properties"]["sessions"]["items"]
    assert session == schema_of(plan_pb2.PlanSession.DESCRIPTOR)
    weighted, cardio = session["properties"]["exercises"]["items"]["anyOf"]
    assert (weighted["required"], cardio["required"]) == (["weighted"], ["cardio"])
    cardio_set = cardio["properties"]["cardio"]["properties"]["sets"]["items"]["properties"]
    time, distance = cardio_set["target"]["anyOf"]
    assert time["properties"]["time_seconds"] == {
        "type": "integer",
        "description": "For how long. In whole seconds, 1 to 86400.",
    }
    assert distance["properties"]["distance"]["properties"]["unit"] == {
        "type": "string",
        "enum": ["UNIT_METRE", "UNIT_YARD", "UNIT_MILE", "UNIT_KILOMETRE"],
        "description": "The unit.",
    }
    rest = cardio_set["rest_between_sets"]["anyOf"]
    assert rest[1] == {"type": "null"}
    progression = weighted["properties"]["weighted"]["properties"]["progression"]["items"]
    assert progression["properties"]["ceiling"]["type"] == ["string", "null"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans)
def test_a_plan_comes_back_from_its_data(plan: plan_pb2.Plan) -> None:
    data = data_of(plan)
    assert plan_of(json.loads(json.dumps(data))) == plan
    _require_schema(data, SCHEMA)


def _require_schema(data: Any, schema: Json) -> None:
    """Fails unless `data` is what the schema describes."""
    if "anyOf" in schema:
        keys = data.keys() if data is not None else set()
        (fitting,) = [one for one in schema["anyOf"] if set(one.get("properties", ())) == set(keys)]
        _require_schema(data, fitting)
        return
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}
    assert names.get(type(data), "null") in types
    assert data in schema.get("enum", [data])
    if isinstance(data, dict):
        assert data.keys() == schema["properties"].keys()
        for key, value in data.items():
            _require_schema(value, schema["properties"][key])
    for item in data if isinstance(data, list) else []:
        _require_schema(item, schema["items"])


def test_keys_are_unique() -> None:
    for message in _messages(plan_pb2.Plan.DESCRIPTOR, set()):
        keys = [key_of(field) for field in fields_of(message)]
        assert len(set(keys)) == len(keys)


def _changed(path: str, value: object) -> Json:
    data: Json = json.loads(json.dumps(PLAN))
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place: Any = data
    for key in parents:
        place = place[key]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return data


WEIGHTED = "sessions/0/exercises/0/weighted"
RUN_SET = "sessions/0/exercises/1/cardio/sets"


@pytest.mark.parametrize(
    ("path", "value", "said"),
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
        ("sessions/0/exercises/0", {}, "exercises[0]: must be an object with one of these keys"),
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
        (f"{WEIGHTED}/resistance", "heavy", "must be one of RESISTANCE_NONE, RESISTANCE_EXTERNAL"),
        (f"{WEIGHTED}/resistance", ["heavy"], "resistance: must be one of"),
        (f"{WEIGHTED}/superset_with_next", "no", "superset_with_next: must be true or false"),
        (f"{WEIGHTED}/progression/0/step", "two", "step: is not usable. A decimal number"),
        (f"{WEIGHTED}/progression/0/step", "2,5", "step: is not usable"),
        (f"{WEIGHTED}/progression/0/step", "-1", "step: is not usable"),
        (f"{WEIGHTED}/progression/0/step", "0", "step: is not usable"),
        (f"{WEIGHTED}/progression/0/step", "1e3", "step: is not usable"),
        (f"{WEIGHTED}/progression/0/step", float("nan"), "step: is not usable"),
        (f"{RUN_SET}/0/target", {}, "sets[0].target: must be an object with one of these keys"),
        (f"{RUN_SET}/0/target", None, "sets[0].target: must be an object with one of these keys"),
        (f"{RUN_SET}/0/target/time_seconds", 0, "target.time_seconds: is 0"),
        (f"{RUN_SET}/1/target/distance/value", "", "distance.value: is not usable"),
    ],
)
def test_what_is_no_plan_is_told_so_that_a_model_can_act(
    path: str, value: object, said: str
) -> None:
    with pytest.raises(InvalidPlan) as caught:
        plan_of(_changed(path, value))
    assert said in str(caught.value)
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize("data", [None, [], "plan", 5, {}])
def test_what_is_no_plan_at_all_is_invalid(data: object) -> None:
    with pytest.raises(InvalidPlan):
        plan_of(data)


def test_many_faults_are_told_at_once_but_not_all() -> None:
    with pytest.raises(InvalidPlan) as caught:
        plan_of(PLAN | {"sessions": [{}] * 20})
    assert len(str(caught.value).splitlines()) == 10


@pytest.mark.parametrize(
    ("path", "value", "same"),
    [
        ("description", KeyError, ""),
        (f"{WEIGHTED}/link", KeyError, ""),
        (f"{WEIGHTED}/notes", None, ""),
        (f"{WEIGHTED}/planned_sets/0/max_reps", 12.0, 12),
        (f"{WEIGHTED}/progression/0/step", 2.5, "2.5"),
        (f"{RUN_SET}/0/target", {"time_seconds": 1890, "distance": None}, {"time_seconds": 1890}),
        (f"{RUN_SET}/0/track_steps", KeyError, False),
        ("colour", "red", KeyError),
    ],
)
def test_models_without_strict_schemas_are_forgiven_trifles(
    path: str, value: object, same: object
) -> None:
    expected = PLAN if same is KeyError else _changed(path, same)
    assert plan_of(_changed(path, value)) == plan_of(expected)


def test_links_are_those_that_the_person_gave() -> None:
    link = "https://example.org/squat"
    data = _changed(f"{WEIGHTED}/link", link)
    exercise = plan_of(data, [link]).sessions[0].exercises[0].weighted
    assert exercise.link == link
    for others in ([], ["https://example.org/squats"], ["https://example.org/"]):
        assert plan_of(data, others).sessions[0].exercises[0].weighted.link == ""


def test_a_session_is_read_alone() -> None:
    assert session_of(SESSION) == plan_of(PLAN).sessions[0]
    with pytest.raises(InvalidPlan, match=r"^name: is missing$"):
        session_of({"exercises": SESSION["exercises"]})
