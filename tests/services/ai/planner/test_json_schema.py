"""JSON schema of plans, and the data that it describes."""

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor
from gymlocker.v2 import plan_pb2
from hypothesis import HealthCheck, given, settings

from server.services.ai.planner.fields import RULES, Kind, fields_of
from server.services.ai.planner.json_schema import data_of, schema_of
from server.services.ai.planner.parser import parse_plan
from tests.services.ai.planner.plans import Json, plans

# Keywords of strict schemas that every model server accepts.
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


def _messages(message: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    if message.file.name == "gymlocker/v2/plan.proto" and message.name not in seen:
        seen.add(message.name)
        yield message
        for field in fields_of(message):
            if field.kind is Kind.MESSAGE:
                yield from _messages(field.message, seen)


def _require_schema(data: Any, schema: Json) -> None:
    """Fail unless `data` matches the schema."""
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


class TestRules:
    def test_cover_exactly_the_fields_of_the_proto(self) -> None:
        expected = {"CardioSet.target"}
        for message in _messages(plan_pb2.Plan.DESCRIPTOR, set()):
            expected |= {f"{message.name}.{field.name}" for field in fields_of(message)}
        assert set(RULES) == expected


class TestSchemaOf:
    def test_is_strict(self) -> None:
        for schema, depth in _schemas(SCHEMA):
            assert schema.keys() <= KEYWORDS
            assert depth < 10
            if schema.get("type") == "object":
                assert schema["additionalProperties"] is False
                assert schema["required"] == list(schema["properties"])
        assert SCHEMA["type"] == "object" and "anyOf" not in SCHEMA

    def test_describes_each_field_and_omits_unspecified_values(self) -> None:
        for schema, _ in _schemas(SCHEMA):
            for key, inner in schema.get("properties", {}).items():
                assert inner["description"], key
        assert "UNSPECIFIED" not in json.dumps(SCHEMA)

    def test_matches_expected_parts(self) -> None:
        session = SCHEMA["properties"]["sessions"]["items"]
        assert session == schema_of(plan_pb2.PlanSession.DESCRIPTOR)
        weighted, cardio = session["properties"]["exercises"]["items"]["anyOf"]
        assert (weighted["required"], cardio["required"]) == (["weighted"], ["cardio"])
        cardio_set = cardio["properties"]["cardio"]["properties"]["sets"]["items"]["properties"]
        time, distance = cardio_set["target"]["anyOf"]
        assert time["properties"]["time_seconds"] == {
            "type": "integer",
            "description": "The time to reach. In whole seconds, 1 to 86400.",
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

    def test_has_unique_keys(self) -> None:
        for message in _messages(plan_pb2.Plan.DESCRIPTOR, set()):
            keys = [field.key for field in fields_of(message)]
            assert len(set(keys)) == len(keys)


class TestDataOf:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(plans)
    def test_matches_the_schema_and_parses_back(self, plan: plan_pb2.Plan) -> None:
        data = data_of(plan)
        assert parse_plan(json.loads(json.dumps(data))) == plan
        _require_schema(data, SCHEMA)
