"""Verb, path, query and body of requests: the contract's routes, and the general rules."""

from typing import Any

import pytest
from google.api import http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.type_pb2 import Field, Type
from gymlocker.v2 import event_pb2, follow_pb2, user_pb2, workout_pb2

from server.programs.demo import binding
from server.programs.demo.binding import HttpRequest
from tests.programs.demo.fakes import ROUTES


def _method(service: str, name: str) -> MethodDescriptor:
    pool = descriptor_pool.Default()
    return pool.FindMethodByName(f"gymlocker.v2.{service}.{name}")


def _method_without_http() -> MethodDescriptor:
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package="test")
    file.message_type.add(name="Empty")
    service = file.service.add(name="Reflection")
    service.method.add(name="Call", input_type=".test.Empty", output_type=".test.Empty")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindMethodByName("test.Reflection.Call")


class TestChoose:
    @pytest.mark.parametrize(("verb", "path", "service", "name", "field"), ROUTES)
    def test_returns_versioned_and_unversioned_path(
        self, verb: str, path: str, service: str, name: str, field: str | None
    ) -> None:
        method = _method(service, name)
        empty = GetMessageClass(method.input_type)()
        template = f"{path}{{{field}}}" if field else path
        plain = binding.verb_and_path(binding.choose(method, empty, versioned=False))
        versioned = binding.verb_and_path(binding.choose(method, empty, versioned=True))
        assert plain == (verb, template)
        assert versioned == (verb, f"/v2{template}")

    def test_raises_lookup_error_without_matching_path(self) -> None:
        method = _method_without_http()
        assert binding.rules(method) == []
        with pytest.raises(LookupError, match=r"Reflection\.Call has no path without /v2/"):
            binding.choose(method, user_pb2.CreateUserRequest(), versioned=False)

    @pytest.mark.parametrize(
        ("field", "verb"), [("replacement", "PUT"), ("patch", "PATCH"), (None, "PUT")]
    )
    def test_prefers_rule_whose_body_field_is_set(self, field: str | None, verb: str) -> None:
        request = workout_pb2.UpdateWorkoutRequest(id="w")
        if field:
            getattr(request, field).SetInParent()
        rule = binding.choose(_method("WorkoutService", "UpdateWorkout"), request, versioned=False)
        assert binding.bind(rule, request) == HttpRequest(verb, "/workouts/w", body={})


class TestRules:
    def test_include_head_for_health(self) -> None:
        found = [
            binding.verb_and_path(rule)
            for rule in binding.rules(_method("SystemService", "GetHealth"))
        ]
        assert ("HEAD", "/health") in found and ("HEAD", "/v2/health") in found


class TestBind:
    def test_puts_all_fields_into_body(self) -> None:
        request = follow_pb2.PutFollowSecretRequest(user_id="u", password="p", follow_secret="s")
        rule = binding.choose(_method("FollowService", "PutFollowSecret"), request, versioned=True)
        body = {"userId": "u", "password": "p", "followSecret": "s"}
        assert binding.bind(rule, request) == HttpRequest("PUT", "/v2/follow-secret", body=body)

    def test_sends_empty_object_for_empty_request(self) -> None:
        request = user_pb2.CreateUserRequest()
        rule = binding.choose(_method("UserService", "CreateUser"), request, versioned=False)
        assert binding.bind(rule, request).body == {}

    def test_uses_json_names_of_the_contract(self) -> None:
        request = event_pb2.PutEventRequest(encrypted_event_iv=b"\xff\xfe")
        rule = binding.choose(_method("EventService", "PutEvent"), request, versioned=False)
        assert binding.bind(rule, request).body == {"encryptedEventIV": "//4="}

    @pytest.mark.parametrize(
        ("value", "path"), [("abc", "/user/abc"), ("a/b ?ü", "/user/a%2Fb%20%3F%C3%BC")]
    )
    def test_quotes_path_parameters(self, value: str, path: str) -> None:
        request = user_pb2.GetUserRequest(id_or_lookup=value)
        rule = binding.choose(_method("UserService", "GetUser"), request, versioned=False)
        assert binding.bind(rule, request) == HttpRequest("GET", path)

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            (
                {"get": "/types/{name}"},
                HttpRequest(
                    "GET",
                    "/types/T",
                    query=(
                        ("oneofs", "a"),
                        ("oneofs", "b"),
                        ("fields.packed", "true"),
                        ("fields.number", "7"),
                        ("sourceContext.fileName", "f"),
                    ),
                ),
            ),
            (
                {"patch": "/types/{source_context.file_name}", "body": "fields"},
                HttpRequest(
                    "PATCH",
                    "/types/f",
                    query=(("name", "T"), ("oneofs", "a"), ("oneofs", "b")),
                    body=[{"packed": True, "number": 7}],
                ),
            ),
            ({"delete": "/types/{name=types/*}"}, None),
        ],
    )
    def test_follows_general_http_rules(
        self, rule: dict[str, Any], expected: HttpRequest | None
    ) -> None:
        request = Type(name="T", oneofs=["a", "b"], fields=[Field(packed=True, number=7)])
        request.source_context.file_name = "f"
        bound = binding.bind(http_pb2.HttpRule(**rule), request)
        if expected is None:
            assert (bound.verb, bound.path) == ("DELETE", "/types/T")
            return
        assert (bound.verb, bound.path, bound.body) == (expected.verb, expected.path, expected.body)
        assert sorted(bound.query) == sorted(expected.query)
