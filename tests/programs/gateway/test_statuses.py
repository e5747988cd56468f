"""The HTTP status of each error, including those that differ from the mapping of gRPC's code."""

import base64
from typing import Any

import grpc
import httpx2
import pytest
from gymlocker.v2 import user_pb2

from .processes import call
from .test_grpc import frame

STATUSES = {
    "InvalidArgument": 400,
    "Unauthenticated": 401,
    "PermissionDenied": 403,
    "NotFound": 404,
    "AlreadyExists": 409,
    "OutOfRange": 410,
    "Aborted": 412,
    "Unimplemented": 415,
    "FeatureDisabled": 423,
    "ResourceExhausted": 429,
    "FailedPrecondition": 400,
    "Unavailable": 503,
}


@pytest.mark.parametrize("error", STATUSES)
def test_rest_has_status_of_contract(client: httpx2.Client, error: str) -> None:
    for path in ("/user", "/v2/user"):
        response = client.get(f"{path}/raise:{error}")
        assert response.status_code == STATUSES[error]
        assert response.json()["message"] == "As you say."
        assert response.json()["details"][0]["domain"] == "gymlocker"
        assert "x-http-status" not in response.headers
    assert client.head(f"/user/raise:{error}").status_code == STATUSES[error]


@pytest.mark.parametrize("error", ["OutOfRange", "Aborted", "FeatureDisabled"])
def test_grpc_receives_only_the_code(channel: grpc.Channel, error: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, "GetUser", user_pb2.GetUserRequest(id_or_lookup=f"raise:{error}"))
    failure: Any = caught.value
    assert failure.details() == "As you say."
    assert "x-http-status" not in dict(failure.trailing_metadata())
    assert "x-http-status" not in dict(failure.initial_metadata())


@pytest.mark.parametrize(
    "content_type", ["application/grpc-web+proto", "application/grpc-web-text"]
)
def test_grpc_web_receives_only_the_code(client: httpx2.Client, content_type: str) -> None:
    message = user_pb2.GetUserRequest(id_or_lookup="raise:OutOfRange").SerializeToString()
    content = frame(message)
    if content_type.endswith("text"):
        content = base64.b64encode(content)
    response = client.post(
        "/gymlocker.v2.UserService/GetUser",
        content=content,
        headers={"content-type": content_type},
    )
    assert response.status_code == 200
    assert response.headers["grpc-status"] == "11"
    assert "x-http-status" not in response.headers


def test_responses_are_not_cached(client: httpx2.Client) -> None:
    for path in ("/user/abc", "/user/raise:NotFound", "/user/raise:OutOfRange", "/nowhere"):
        assert client.get(path).headers.get_list("cache-control") == ["no-store"]
    content = frame(user_pb2.GetUserRequest(id_or_lookup="abc").SerializeToString())
    headers = {"content-type": "application/grpc-web+proto"}
    response = client.post("/gymlocker.v2.UserService/GetUser", content=content, headers=headers)
    assert response.headers.get_list("cache-control") == ["no-store"]
