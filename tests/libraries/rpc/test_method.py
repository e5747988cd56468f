"""Options that every method and field of the contract must declare."""

from collections.abc import Iterator

import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import (
    FileDescriptorProto,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from gymlocker.v2 import options_pb2

from server.libraries.rpc.method import methods_of
from server.programs.worker.contract import CONTRACT, contract_services

SERVICES = contract_services()
METHODS: list[MethodDescriptor] = [method for service in SERVICES for method in service.methods]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)

# Request fields without a maximum size, each with the reason why that is harmless.
UNBOUNDED = {
    # A secret that is too long matches none and is returned among the invalid ones, as the contract
    # says. A request holds at most 4 MiB of them.
    "gymlocker.v2.FollowedUser.follow_secret",
    # A file in chunks. The server counts its bytes and reads no other field.
    "google.api.HttpBody.content_type",
    "google.api.HttpBody.data",
    "google.api.HttpBody.extensions",
    "google.protobuf.Any.type_url",
    "google.protobuf.Any.value",
    # Rules of maps are not checked here: at most 200 pairs of a short name and a number.
    "gymlocker.v2.SessionAttributes.exercise_to_kilograms",
    "gymlocker.v2.SessionAttributes.ExerciseToKilogramsEntry.key",
    # Each path is one of five names; repetition has no effect.
    "google.protobuf.FieldMask.paths",
}


def test_rejects_a_method_without_authentication() -> None:
    file = FileDescriptorProto(
        name="careless.proto",
        package="careless",
        dependency=["gymlocker/v2/system.proto"],
        service=[
            ServiceDescriptorProto(
                name="Careless",
                method=[
                    MethodDescriptorProto(
                        name="Open",
                        input_type=".gymlocker.v2.GetHealthRequest",
                        output_type=".gymlocker.v2.GetHealthResponse",
                    )
                ],
            )
        ],
    )
    with pytest.raises(ValueError, match=r"careless\.Careless\.Open"):
        methods_of([_pool_with(file).FindServiceByName("careless.Careless")])


def _pool_with(file: FileDescriptorProto) -> DescriptorPool:
    """Return a pool with the contract and `file`."""
    pool = DescriptorPool()
    known: set[str] = set()

    def add(descriptor: object) -> None:
        if descriptor.name in known:  # type: ignore[attr-defined]
            return
        known.add(descriptor.name)  # type: ignore[attr-defined]
        for dependency in descriptor.dependencies:  # type: ignore[attr-defined]
            add(dependency)
        pool.AddSerializedFile(descriptor.serialized_pb)  # type: ignore[attr-defined]

    for contract_file in CONTRACT:
        add(contract_file.DESCRIPTOR)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def test_keys_methods_by_their_grpc_path() -> None:
    methods = methods_of(SERVICES)
    assert "/gymlocker.v2.UserService/GetUser" in methods
    assert len(methods) == len(METHODS)


SECRETS = ("password", "secret", "refresh", "access_token", "invite")
TAKE_A_PASSWORD = {
    f"gymlocker.v2.AuthService.{name}" for name in ("Register", "Login", "CreateAccessKey")
}


@every_method
def test_method_declares_its_authentication(method: MethodDescriptor) -> None:
    rule = method.GetOptions().Extensions[options_pb2.authentication]
    assert rule.scheme != options_pb2.Authentication.SCHEME_UNSPECIFIED
    fields = method.input_type.fields_by_name
    if rule.scheme == options_pb2.Authentication.SCHEME_PASSWORD:
        assert fields[rule.user_id_field].type == FieldDescriptor.TYPE_STRING
        assert _rules(fields[rule.user_id_field]).string.uuid
        assert fields["password"].type == FieldDescriptor.TYPE_STRING
        assert _rules(fields["password"]).string.max_len == 40
    else:
        assert not rule.user_id_field
        # These look up the user of the password themselves.
        assert "password" not in fields or method.full_name in TAKE_A_PASSWORD


@every_method
def test_secret_field_is_redacted(method: MethodDescriptor) -> None:
    for field in (*_fields(method.input_type), *_fields(method.output_type)):
        if any(
            word in field.name
            for word in ("password", "secret", "refresh", "access_token", "invite")
        ):
            assert field.GetOptions().debug_redact, field.full_name


@every_method
def test_request_field_has_a_maximum_size(method: MethodDescriptor) -> None:
    for field in _fields(method.input_type):
        assert field.full_name in UNBOUNDED or _is_bounded(field), field.full_name


def test_every_exception_is_an_unbounded_field() -> None:
    requests = [field for method in METHODS for field in _fields(method.input_type)]
    unbounded = {field.full_name for field in requests if not _is_bounded(field)}
    assert unbounded == UNBOUNDED


def test_checks_fields_of_nested_messages() -> None:
    fields = {field.full_name for method in METHODS for field in _fields(method.input_type)}
    assert "gymlocker.v2.PutFollowSecretRequest.follow_secret" in fields
    assert "gymlocker.v2.InitializationVector.value" in fields


def _fields(message: Descriptor) -> Iterator[FieldDescriptor]:
    """Yield the fields of `message` and of its nested messages."""
    for field in message.fields:
        yield field
        # JSON is parsed into a message with its own limits (see rpc/json_patch.py).
        is_json = field.GetOptions().Extensions[options_pb2.json_of]
        if field.message_type is not None and not is_json:
            yield from _fields(field.message_type)


def _rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    return field.GetOptions().Extensions[validate_pb2.field]


def _is_bounded(field: FieldDescriptor) -> bool:
    rules = _rules(field)
    if field.is_repeated:
        return bool(rules.repeated.max_items) and _is_bounded_value(field, rules.repeated.items)
    return _is_bounded_value(field, rules)


def _is_bounded_value(field: FieldDescriptor, rules: validate_pb2.FieldRules) -> bool:
    if field.type == FieldDescriptor.TYPE_STRING:
        return bool(
            rules.string.uuid
            or rules.string.max_len
            or rules.string.max_bytes
            or rules.string.len
            or getattr(rules.string, "in")
        )
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bool(rules.bytes.max_len or rules.bytes.len)
    if field.message_type is not None and field.message_type.name == "Timestamp":
        return rules.timestamp.HasField("gte") and rules.timestamp.HasField("lte")
    return True
