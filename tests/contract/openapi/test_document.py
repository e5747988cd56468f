"""Tests of the document itself: valid, complete, consistent with the contract and the code."""

import re
from collections.abc import Iterator
from typing import Any

import protovalidate
import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from scripts.openapi.errors import REASONS
from server.libraries.common.paths import ROOT
from tests.contract.openapi.descriptions import DOCUMENT, operations, validator

VERBS = ("get", "put", "post", "delete", "patch")
OPERATIONS = {f"{verb} {path}": operation for path, verb, operation in operations()}
BODIES = {
    name: operation["requestBody"]["content"]["application/json"]
    for name, operation in OPERATIONS.items()
    if "application/json" in operation.get("requestBody", {}).get("content", {})
    and operation["operationId"].removesuffix("_unversioned") != "WorkoutService_ImportWorkouts"
}


def test_document_is_valid() -> None:
    validate(DOCUMENT)


def test_has_exactly_the_paths_of_the_contract() -> None:
    described = [(verb, path) for path, verb, _ in operations()]
    assert sorted(described) == sorted(contract_paths())


def contract_paths() -> Iterator[tuple[str, str]]:
    """Yield the verbs and paths of the descriptor set that Envoy uses."""
    files = FileDescriptorSet.FromString((ROOT / "generated/gymlocker.binpb").read_bytes())
    for file in files.file:
        for service in file.service:
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                for each in (rule, *rule.additional_bindings):
                    if each.custom.kind:
                        yield each.custom.kind.lower(), each.custom.path
                    yield from (
                        (verb, getattr(each, verb)) for verb in VERBS if getattr(each, verb)
                    )


def test_operation_ids_are_unique_and_aliases_refer_to_them() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    for path, _, operation in operations():
        assert ("x-alias-of" in operation) != path.startswith("/v2/")
        assert operation.get("x-alias-of", ids[0]) in ids


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_is_valid(name: str) -> None:
    operation: dict[str, Any] = OPERATIONS[name]
    for parameter in operation.get("parameters", ()):
        if "example" in parameter:
            validator(parameter["schema"]).validate(parameter["example"])
    for content in contents(operation):
        if "example" in content:
            validator(content["schema"]).validate(content["example"])


def contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the bodies of requests and of successful replies."""
    yield from operation.get("requestBody", {}).get("content", {}).values()
    yield from operation["responses"]["200"].get("content", {}).values()


def test_every_operation_with_body_has_example() -> None:
    for name, operation in OPERATIONS.items():
        bodies = operation.get("requestBody", {}).get("content", {})
        first: Any = next(iter(bodies.values()), {"example": None})
        # JSON cannot show binary files.
        assert "example" in first or "contentMediaType" in first["schema"], name


def test_begins_with_what_newcomers_can_call() -> None:
    tags = [tag["name"] for tag in DOCUMENT["tags"]]
    assert tags[:4] == ["UserService", "AuthService", "WorkoutService", "ExerciseService"]
    assert tags[-1] == "AiService"
    used = [operation["tags"][0] for _, _, operation in operations()]
    assert list(dict.fromkeys(used)) == tags


def test_preconditions_are_a_header() -> None:
    for verb in ("put", "patch", "delete"):
        operation = OPERATIONS[f"{verb} /v2/workouts/{{id}}"]
        assert "412" in operation["responses"]
        places = {each["name"]: each["in"] for each in operation["parameters"]}
        assert places["If-Match"] == "header"
        assert "etag" not in places
    assert "410" in OPERATIONS["get /v2/workouts/changes"]["responses"]


@pytest.mark.parametrize("name", BODIES)
def test_every_example_passes_validation(name: str) -> None:
    message = BODIES[name]["schema"]["$ref"].rpartition("/")[2]
    kind = GetMessageClass(Default().FindMessageTypeByName(f"gymlocker.v2.{message}"))
    protovalidate.validate(ParseDict(BODIES[name]["example"], kind()))


@pytest.mark.parametrize(
    ("time", "fits"),
    [
        ("2026-02-07T23:59:59-05:30", True),
        ("0001-01-01T00:00:00Z", True),
        ("0001-01-01T00:00:00+00:00", True),
        ("0001-01-01T00:00:00-00:01", True),
        ("0001-01-01T14:00:00+15:00", False),
        ("0000-12-31T23:59:59-00:01", False),
        ("9999-12-31T23:59:59.5Z", True),
        ("9999-12-31T23:59:59+00:01", True),
        ("9999-12-31T23:59:59-00:01", False),
    ],
)
def test_times_are_limited_to_the_years_of_a_timestamp(time: str, fits: bool) -> None:
    since = DOCUMENT["components"]["schemas"]["FollowedUser"]["properties"]["since"]
    assert validator(since).is_valid(time) is fits


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


def test_has_exactly_the_reasons_of_the_code() -> None:
    sources = [path.read_text() for path in (ROOT / "server").rglob("*.py")]
    used = set(re.findall(r'reason(?:: str = |=)"([A-Z_]+)"', "".join(sources)))
    used |= set(re.findall(r"reason: ([A-Z_]+)", (ROOT / "envoy.yaml").read_text()))
    named = {name for reasons in REASONS.values() for name in reasons}
    assert named == used
