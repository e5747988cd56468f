"""ValidationInterceptor: rejected requests and the description of their errors."""

from typing import Any

import pytest
from google.protobuf.message import Message
from gymlocker.v2 import auth_pb2, event_pb2, share_pb2, user_pb2, workout_pb2

from server.errors import InvalidArgument
from server.libraries.rpc.validation import MAX_VIOLATIONS, ValidationInterceptor
from tests.libraries.rpc.fakes import METHODS, FakeContext, method

SOME_UUID = "8a6e0804-2bd0-4672-b79d-d97027f9071a"


async def validated(name: str, request: Any) -> Any:
    """Return the message or stream of messages that the handler of `name` receives."""

    async def call_next(message: Any, _: Any) -> Any:
        return message

    interceptor = ValidationInterceptor(METHODS)
    return await interceptor.wrap(method(name), call_next)(request, FakeContext().context)


async def rejection(name: str, request: bytes | Message) -> InvalidArgument:
    """Return the error of a rejected request."""
    data = request if isinstance(request, bytes) else request.SerializeToString()
    with pytest.raises(InvalidArgument) as error:
        await validated(name, data)
    return error.value


async def test_decodes_a_valid_request() -> None:
    request = user_pb2.GetUserRequest(id_or_lookup="lookup")
    assert await validated("UserService/GetUser", request.SerializeToString()) == request


async def test_rejects_malformed_bytes() -> None:
    error = await rejection("UserService/GetUser", b"\xff\xff\xff")
    assert error.message == "The request is not a gymlocker.v2.GetUserRequest."
    assert error.violations == []


async def test_does_not_read_a_stream_before_the_handler_does() -> None:
    class Unread:
        def __aiter__(self) -> Any:
            # grpc.aio's creates a coroutine here, and Python warns if it is never awaited.
            raise AssertionError("read too early")

    requests = await validated("AiService/Chat", Unread())
    with pytest.raises(AssertionError):
        await anext(requests)


async def test_names_a_field_in_proto_spelling_and_describes_it_in_json_spelling() -> None:
    request = event_pb2.GetEventsRequest(
        users=[event_pb2.FollowedUser(user_id=SOME_UUID)] * 3 + [event_pb2.FollowedUser()]
    )
    error = await rejection("EventService/GetEvents", request)
    ((path, description),) = error.violations
    assert path == "users[3].user_id"
    assert description.startswith("users[3].userId: ")
    assert error.message == description


async def test_names_a_nested_field_by_its_path() -> None:
    request = share_pb2.CreateSharedItemRequest(user_id=SOME_UUID, password="password")
    request.encrypted_payload.iv.value = b"short"
    request.expiry.GetCurrentTime()
    error = await rejection("ShareService/CreateSharedItem", request)
    ((path, description),) = error.violations
    assert path == "encrypted_payload.iv.value"
    assert description.startswith("encryptedPayload.iv.value: ")


@pytest.mark.parametrize("date", ["", "tomorrow", "2026-2-7", "2026-02-07T00:00", "2026-02-07\n"])
async def test_describes_the_form_of_a_date(date: str) -> None:
    request = workout_pb2.CreateWorkoutRequest(date=date, type="Running", duration=30)
    error = await rejection("WorkoutService/CreateWorkout", request)
    assert error.violations == [("date", "date: must be a calendar date, as in 2026-02-07")]


@pytest.mark.parametrize("name", ["", " ", " Ann", "Ann ", "A\nn", "Ann\0", "\0" * 65])
async def test_describes_the_form_of_a_username(name: str) -> None:
    error = await rejection(
        "AuthService/Register", auth_pb2.RegisterRequest(username=name, password="correct horse")
    )
    sentence = "username: must have no control characters, and no space at either end"
    assert error.violations == [("username", sentence)]


@pytest.mark.parametrize("kind", ["", " \n", "Run\0", "\0" * 101])
async def test_rejects_blank_type_by_its_own_rule(kind: str) -> None:
    request = workout_pb2.CreateWorkoutRequest(date="2026-02-07", type=kind, duration=30)
    error = await rejection("WorkoutService/CreateWorkout", request)
    assert error.violations == [("type", "type: must not be blank, and hold no NUL")]


async def test_describes_a_field_by_its_custom_json_name() -> None:
    request = user_pb2.UpdateUserRequest(id=SOME_UUID, password="p", encryption_iv=bytes(17))
    ((path, description),) = (await rejection("UserService/UpdateUser", request)).violations
    assert (path, description.partition(":")[0]) == ("encryption_iv", "encryptionIV")


async def test_lists_all_invalid_fields_and_counts_them_in_the_message() -> None:
    error = await rejection("AuthService/Login", auth_pb2.LoginRequest())
    assert [path for path, _ in error.violations] == ["username", "password"]
    assert error.message == f"{error.violations[0][1]} (and 1 more)"


async def test_counts_violations_beyond_the_maximum() -> None:
    wrong = MAX_VIOLATIONS + 5
    request = user_pb2.GetUsersRequest(ids=["wrong"] * wrong)
    error = await rejection("UserService/GetUsers", request)
    named = [path for path, _ in error.violations]
    assert named == [*(f"ids[{index}]" for index in range(MAX_VIOLATIONS)), ""]
    assert error.violations[-1][1] == "and 5 more"
    assert error.message.endswith(f"(and {wrong - 1} more)")


async def test_lists_the_maximum_of_violations() -> None:
    request = user_pb2.GetUsersRequest(ids=["wrong"] * MAX_VIOLATIONS)
    error = await rejection("UserService/GetUsers", request)
    assert len(error.violations) == MAX_VIOLATIONS
    assert all(path for path, _ in error.violations)


async def test_error_does_not_repeat_the_values() -> None:
    canary = "canary" * 10
    request = user_pb2.DeleteUserRequest(id=canary, password=canary)
    error = await rejection("UserService/DeleteUser", request)
    assert len(error.violations) == 2
    assert "canary" not in f"{error.message} {error.violations}"
