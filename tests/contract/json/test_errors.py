"""The exact JSON of errors, and request ids."""

import base64

import httpx2
import pytest

from tests.support.client import SOME_UUID
from tests.support.rest import (
    CREATE_SHARED_ITEM,
    GET_USER,
    UPDATE_USER,
    UUID_PATTERN,
    error_of,
    new_user,
)

pytestmark = pytest.mark.extended

# --- Errors ---


async def test_invalid_field_is_400_and_named(rest: httpx2.AsyncClient) -> None:
    response = await rest.post("/users", json={"ids": [SOME_UUID, "x"]})
    message = "ids[1]: must be a valid UUID"
    assert error_of(response, 400) == {
        "code": 3,
        "message": message,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "INVALID_REQUEST",
                "domain": "gymlocker",
                "metadata": {},
            },
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": "ids[1]", "description": message, "reason": ""}],
            },
        ],
    }


async def test_message_uses_json_name_of_field(rest: httpx2.AsyncClient) -> None:
    seventeen = base64.b64encode(bytes(17)).decode()
    body = {**(UPDATE_USER.body or {}), "encryptionIV": seventeen}
    error = error_of(await rest.put("/user", json=body), 400)
    assert error["message"].startswith("encryptionIV: ")
    (violation,) = error["details"][1]["fieldViolations"]
    assert violation["field"] == "encryption_iv"


async def test_unknown_user_is_404(rest: httpx2.AsyncClient) -> None:
    error = error_of(await rest.get(GET_USER.path), 404)
    assert (error["code"], error["details"][0]["reason"]) == (5, "USER_NOT_FOUND")


async def test_unknown_item_is_404(rest: httpx2.AsyncClient) -> None:
    error = error_of(await rest.get("/shareditem/nothing"), 404)
    assert (error["code"], error["details"][0]["reason"]) == (5, "SHARED_ITEM_NOT_FOUND")


async def test_wrong_password_is_401(rest: httpx2.AsyncClient) -> None:
    user = await new_user(rest)
    body = {"userId": user["id"], "password": "wrong"}
    error = error_of(await rest.post("/inbox", json=body), 401)
    assert (error["code"], error["details"][0]["reason"]) == (16, "WRONG_PASSWORD")
    body = CREATE_SHARED_ITEM.body or {}
    assert error_of(await rest.post("/shareditem", json=body), 401) == error


async def test_unknown_path_is_404(rest: httpx2.AsyncClient) -> None:
    error = error_of(await rest.get("/nothing/here"), 404)
    assert (error["code"], error["details"][0]["reason"]) == (5, "UNKNOWN_PATH")


# --- Request ids ---


PATHS = ["/health", GET_USER.path, "/user/%20/x", "/nothing/here"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("request_id", ["abc", SOME_UUID, "a.b:c/d+e=f-g_h", "x" * 128])
async def test_returns_request_id_of_client_once(
    rest: httpx2.AsyncClient, path: str, request_id: str
) -> None:
    response = await rest.get(path, headers={"x-request-id": request_id})
    assert response.headers.get_list("x-request-id") == [request_id]


@pytest.mark.parametrize("path", PATHS)
async def test_generates_missing_request_id(rest: httpx2.AsyncClient, path: str) -> None:
    ids = [(await rest.get(path)).headers.get_list("x-request-id") for _ in range(2)]
    assert [len(one) for one in ids] == [1, 1]
    assert ids[0] != ids[1]
    assert all(UUID_PATTERN.fullmatch(request_id) for one in ids for request_id in one)
