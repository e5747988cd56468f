"""Unknown paths and verbs, and paths with invalid characters."""

import httpx2
import pytest

from tests.support.client import SOME_UUID
from tests.support.rest import ENDPOINTS, Endpoint, error_of

pytestmark = pytest.mark.extended


@pytest.mark.parametrize(
    "path",
    [
        "/v2",
        "/v2/",
        "/v3/health",
        "/user/",
        "/USER/x",
        "/user/x/y",
        "/shareditem/",
        "/inbox/x",
        "/gymlocker.v2.UserService/GetUser",
        "/grpc.health.v1.Health/Check",
        "/.env",
        "/%F0%9F%8F%8B",
    ],
)
async def test_unknown_path_is_404(rest: httpx2.AsyncClient, path: str) -> None:
    error = error_of(await rest.get(path), 404)
    assert error["details"][0]["reason"] == "UNKNOWN_PATH"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
async def test_unsupported_method_is_405(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    served = {known.verb for known in ENDPOINTS if known.path == endpoint.path}
    if endpoint.path.startswith("/user/"):
        served.add("GET")  # of a user with the lookup "create" or "delete"
    for verb in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - served:
        response = await rest.request(verb, endpoint.path)
        error = error_of(response, 405)
        assert error["details"][0]["reason"] == "METHOD_NOT_ALLOWED"
        assert served <= set(response.headers["allow"].split(", "))


async def test_unknown_verb_is_400(rest: httpx2.AsyncClient) -> None:
    error_of(await rest.request("BREW", "/user/create"), 400)


@pytest.mark.parametrize("prefix", ["/user/", "/v2/user/", "/shareditem/", "/v2/shareditem/"])
async def test_invalid_characters_in_path_are_400_or_404(
    rest: httpx2.AsyncClient, prefix: str
) -> None:
    for name in ("%00", "a%00b", "%ff", "%ED%A0%80", "x" * 300, "%C3%A9" * 101, "a%2fb", "%5c"):
        response = await rest.get(prefix + name)
        assert response.status_code in {400, 404}
        error_of(response, response.status_code)


async def test_nul_in_path_is_400(rest: httpx2.AsyncClient) -> None:
    error_of(await rest.get("/user/a%00b"), 400)
    error_of(await rest.get("/shareditem/a%00b"), 400)


@pytest.mark.parametrize("form", [f"{{{SOME_UUID}}}", SOME_UUID.replace("-", ""), "x" * 100])
async def test_malformed_id_is_unknown_lookup(rest: httpx2.AsyncClient, form: str) -> None:
    error = error_of(await rest.get(f"/user/{form}"), 404)
    assert error["details"][0]["reason"] == "USER_NOT_FOUND"
