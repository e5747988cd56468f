"""The paths of the contract: each is served with and without `/v2`, and tested."""

import re

import httpx2
import pytest
from google.protobuf.descriptor import MethodDescriptor

from server.programs.demo.binding import rules, verb_and_path
from tests.support.client import SOME_UUID, contract_methods
from tests.support.rest import ENDPOINTS, error_of

pytestmark = pytest.mark.extended

# Tested as JSON in the folders of their services.
OTHERS = {
    ("HEAD", "/health"),
    ("GET", "/features"),
    ("HEAD", "/features"),
    ("POST", "/ai/workout"),
    ("POST", "/ai/session"),
    ("POST", "/ai/chat"),
    ("GET", "/ai/quota"),
    ("POST", "/auth/register"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("GET", "/auth/me"),
    ("PATCH", "/auth/me"),
    ("POST", "/auth/keys"),
    ("GET", "/auth/keys"),
    ("DELETE", "/auth/keys/x"),
    ("GET", "/auth/sessions"),
    ("DELETE", "/auth/sessions/x"),
    ("GET", "/auth/export"),
    ("POST", "/auth/change-password"),
    ("POST", "/auth/claim-username"),
    ("POST", "/workouts"),
    ("GET", "/workouts"),
    ("GET", "/workouts/x"),
    ("PUT", "/workouts/x"),
    ("PATCH", "/workouts/x"),
    ("DELETE", "/workouts/x"),
    ("GET", "/workouts/stats"),
    ("GET", "/workouts/changes"),
    ("GET", "/exercises"),
    ("GET", "/exercises/progress"),
    ("GET", "/exercises/records"),
    ("GET", "/workouts/export"),
    ("POST", "/workouts/import"),
    ("POST", "/backup"),
    ("GET", "/backup"),
    ("HEAD", "/backup"),
    ("GET", "/backups"),
    ("GET", "/backups/x"),
    ("HEAD", "/backups/x"),
    ("DELETE", "/backups/x"),
    ("POST", "/backups/x/import"),
    ("POST", "/push/endpoints"),
    ("GET", "/push/endpoints"),
    ("DELETE", "/push/endpoints/x"),
    ("POST", "/push/endpoints/x/confirm"),
}


def bindings() -> list[tuple[str, str]]:
    """Return every verb and path of the contract, with its variables replaced."""
    return [
        (verb, re.sub(r"\{[^}]*\}", "x", path))
        for method in contract_methods()
        for verb, path in map(verb_and_path, rules(method))
    ]


def test_contract_has_exactly_tested_paths() -> None:
    tested = {(endpoint.verb, endpoint.path) for endpoint in ENDPOINTS} | OTHERS
    tested = {(verb, re.sub(f"{SOME_UUID}|nothing", "x", path)) for verb, path in tested}
    versioned = {(verb, f"/v2{path}") for verb, path in tested}
    assert sorted(bindings()) == sorted(tested | versioned)


@pytest.mark.parametrize("method", contract_methods(), ids=lambda method: method.name)
def test_every_path_exists_with_and_without_v2(method: MethodDescriptor) -> None:
    paths = {verb_and_path(rule) for rule in rules(method)}
    plain = {(verb, path) for verb, path in paths if not path.startswith("/v2/")}
    # JSON does not support bidirectional streams.
    assert plain or (method.client_streaming and method.server_streaming)
    assert paths - plain == {(verb, f"/v2{path}") for verb, path in plain}


@pytest.mark.parametrize(("verb", "path"), bindings())
async def test_every_path_is_served(rest: httpx2.AsyncClient, verb: str, path: str) -> None:
    response = await rest.request(verb, path, json=None if verb in ("GET", "HEAD") else {})
    if verb == "HEAD":
        assert response.status_code == (401 if "/backup" in path else 200)
    elif response.status_code != 200:
        error = error_of(response, response.status_code)
        assert error["details"][0]["reason"] in {
            "INVALID_REQUEST",
            "ACCESS_TOKEN_MISSING",
            "PURCHASE_TOKEN_MISSING",
            "USER_NOT_FOUND",
            "SHARED_ITEM_NOT_FOUND",
        }
