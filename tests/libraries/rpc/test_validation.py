"""ValidationInterceptor: which requests are refused, and how that is said."""

from typing import Any

import pytest
from google.protobuf.message import Message
from gymlocker.v2 import auth_pb2, event_pb2, share_pb2, user_pb2, workout_pb2

from server.errors import InvalidArgument
from server.libraries.rpc.validation import MAX_VIOLATIONS, ValidationInterceptor
from tests.libraries.rpc.fakes import METHODS, FakeContext, method

SOME_UUID = "8a6e0804-2bd0-4672-b79d-d97027f9071a"


async def validated(name: str, request: Any) -> Any:
    """The message, or the stream of messages, that the handler of `name` is given."""

    async def call_next(message: Any, _: Any) -> Any:
        return message

    interceptor = ValidationInterceptor(METHODS)
    return await interceptor.wrap(method(name), call_next)(request, FakeContext().context)


async def refusal(name: str, request: bytes | Message) -> InvalidArgument:
    """Why `request` is refused."""
    data = request if isinstance(request, bytes) else request.SerializeToString()
    with pytest.raises(InvalidArgument) as error:
        await validated(name, data)
    return error.value


async def test_a_request_without_fault_is_passed_on_as_a_message() -> None:
    request = user_pb2.GetUserRequest(id_or_lookup="lookup")
    assert await validated("UserService/GetUser", request.SerializeToString()) == request


async def test_bytes_that_are_no_message_are_refused() -> None:
    error = await refusal("UserService/GetUser", b"\xff\xff\xff")
    assert error.message == "The request is not a gymlocker.v2.GetUserRequest."
    assert error.violations == []


async def test_a_stream_is_left_alone_until_its_first_request_is_wanted() -> None:
    class Unwanted:
        def __aiter__(self) -> Any:
            # grpc.aio's makes a coroutine here, of which Python says so if nobody waits for it.
            raise AssertionError("nobody wants a request yet")

    requests = await validated("AiService/Chat", Unwanted())
    with pytest.raises(AssertionError):
        await anext(requests)


async def test_a_field_is_named_as_the_proto_does_and_described_as_json_does() -> None:
    request = event_pb2.GetEventsRequest(
        users=[event_pb2.FollowedUser(user_id=SOME_UUID)] * 3 + [event_pb2.FollowedUser()]
    )
    error = await refusal("EventService/GetEvents", request)
    ((path, description),) = error.violations
    assert path == "users[3].user_id"
    assert description.startswith("users[3].userId: ")
    assert error.message == description


async def test_a_field_inside_a_message_is_named_by_its_whole_path() -> None:
    request = share_pb2.CreateSharedItemRequest(user_id=SOME_UUID, password="password")
    request.encrypted_payload.iv.value = b"short"
    request.expiry.GetCurrentTime()
    error = await refusal("ShareService/CreateSharedItem", request)
    ((path, description),) = error.violations
    assert path == "encrypted_payload.iv.value"
    assert description.startswith("encryptedPayload.iv.value: ")


@pytest.mark.parametrize("date", ["", "tomorrow", "2026-2-7", "2026-02-07T00:00", "2026-02-07\n"])
async def test_what_a_date_looks_like_is_said_in_words(date: str) -> None:
    request = workout_pb2.CreateWorkoutRequest(date=date, type="Running", duration=30)
    error = await refusal("WorkoutService/CreateWorkout", request)
    assert error.violations == [("date", "date: must be a calendar date, as in 2026-02-07")]


@pytest.mark.parametrize("name", ["", " ", " Ann", "Ann ", "A\nn", "Ann\0", "\0" * 65])
async def test_what_a_username_may_be_is_said_in_words(name: str) -> None:
    error = await refusal(
        "AuthService/Register", auth_pb2.RegisterRequest(username=name, password="correct horse")
    )
    sentence = "username: must have no control characters, and no space at either end"
    assert error.violations == [("username", sentence)]


@pytest.mark.parametrize("kind", ["", " \n", "Run\0", "\0" * 101])
async def test_rejects_blank_type_by_its_own_rule(kind: str) -> None:
    request = workout_pb2.CreateWorkoutRequest(date="2026-02-07", type=kind, duration=30)
    error = await refusal("WorkoutService/CreateWorkout", request)
    assert error.violations == [("type", "type: must not be blank, and hold no NUL")]


async def test_names_that_are_spelt_by_hand_are_described_so() -> None:
    request = user_pb2.UpdateUserRequest(id=SOME_UUID, password="p", encryption_iv=bytes(17))
    ((path, description),) = (await refusal("UserService/UpdateUser", request)).violations
    assert (path, description.partition(":")[0]) == ("encryption_iv", "encryptionIV")


async def test_several_fields_are_all_named_and_the_message_counts_them() -> None:
    error = await refusal("AuthService/Login", auth_pb2.LoginRequest())
    assert [path for path, _ in error.violations] == ["username", "password"]
    assert error.message == f"{error.violations[0][1]} (and 1 more)"


async def test_so_many_faults_that_no_header_could_hold_them_are_counted() -> None:
    wrong = MAX_VIOLATIONS + 5
    request = user_pb2.GetUsersRequest(ids=["wrong"] * wrong)
    error = await refusal("UserService/GetUsers", request)
    named = [path for path, _ in error.violations]
    assert named == [*(f"ids[{index}]" for index in range(MAX_VIOLATIONS)), ""]
    assert error.violations[-1][1] == "and 5 more"
    assert error.message.endswith(f"(and {wrong - 1} more)")


async def test_as_many_faults_as_fit_are_all_named() -> None:
    request = user_pb2.GetUsersRequest(ids=["wrong"] * MAX_VIOLATIONS)
    error = await refusal("UserService/GetUsers", request)
    assert len(error.violations) == MAX_VIOLATIONS
    assert all(path for path, _ in error.violations)


async def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    canary = "canary" * 10
    request = user_pb2.DeleteUserRequest(id=canary, password=canary)
    error = await refusal("UserService/DeleteUser", request)
    assert len(error.violations) == 2
    assert "canary" not in f"{error.message} {error.violations}"
