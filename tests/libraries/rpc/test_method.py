"""What the contract declares of each method; one that declares nothing is refused."""

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

# Fields of requests that have no largest size of their own, and why that does no harm.
UNBOUNDED = {
    # A secret that is too long belongs to nobody: it is listed among the invalid ones, as the
    # contract says. At most 4 MiB of them fit into a request.
    "gymlocker.v2.FollowedUser.follow_secret",
    # A file, which comes in pieces. The server counts its bytes, and looks at nothing else.
    "google.api.HttpBody.content_type",
    "google.api.HttpBody.data",
    "google.api.HttpBody.extensions",
    "google.protobuf.Any.type_url",
    "google.protobuf.Any.value",
    # At most 200 pairs of a short name and a number: rules of maps, which are not looked at here.
    "gymlocker.v2.SessionAttributes.exercise_to_kilograms",
    "gymlocker.v2.SessionAttributes.ExerciseToKilogramsEntry.key",
    # Each path is one of five names; a repeated one does nothing.
    "google.protobuf.FieldMask.paths",
}


def test_a_method_that_does_not_declare_its_authentication_is_refused() -> None:
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
    """A pool that holds the contract and `file`."""
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


def test_methods_are_known_by_the_path_that_grpc_sends() -> None:
    methods = methods_of(SERVICES)
    assert "/gymlocker.v2.UserService/GetUser" in methods
    assert len(methods) == len(METHODS)


TAKE_A_PASSWORD = {"gymlocker.v2.AuthService.Register", "gymlocker.v2.AuthService.Login"}


@every_method
def test_a_method_declares_how_its_caller_is_known(method: MethodDescriptor) -> None:
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
        # Whose password it is, these find out themselves.
        assert "password" not in fields or method.full_name in TAKE_A_PASSWORD


@every_method
def test_what_is_secret_is_marked_so_that_it_is_never_printed(method: MethodDescriptor) -> None:
    for field in (*_fields(method.input_type), *_fields(method.output_type)):
        if any(word in field.name for word in ("password", "secret", "refresh", "access_token")):
            assert field.GetOptions().debug_redact, field.full_name


@every_method
def test_every_field_of_a_request_has_a_largest_size(method: MethodDescriptor) -> None:
    for field in _fields(method.input_type):
        assert field.full_name in UNBOUNDED or _is_bounded(field), field.full_name


def test_no_field_is_excused_that_is_bounded_or_gone() -> None:
    requests = [field for method in METHODS for field in _fields(method.input_type)]
    unbounded = {field.full_name for field in requests if not _is_bounded(field)}
    assert unbounded == UNBOUNDED


def test_a_secret_without_a_limit_is_looked_at() -> None:
    fields = {field.full_name for method in METHODS for field in _fields(method.input_type)}
    assert "gymlocker.v2.PutFollowSecretRequest.follow_secret" in fields
    assert "gymlocker.v2.InitializationVector.value" in fields


def _fields(message: Descriptor) -> Iterator[FieldDescriptor]:
    """Every field of `message` and of the messages inside it."""
    for field in message.fields:
        yield field
        # JSON that becomes a message with limits of its own (see rpc/json_patch.py).
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
            rules.string.uuid or rules.string.max_len or rules.string.max_bytes or rules.string.len
        )
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bool(rules.bytes.max_len or rules.bytes.len)
    if field.message_type is not None and field.message_type.name == "Timestamp":
        return rules.timestamp.HasField("gte") and rules.timestamp.HasField("lte")
    return True
