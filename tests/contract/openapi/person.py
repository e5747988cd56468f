"""User who calls as the document says, with an account, a diary and a purchase."""

import zlib
from dataclasses import dataclass
from typing import Any, Self, TypeAlias
from uuid import uuid4

import httpx2
import schemathesis

Case: TypeAlias = schemathesis.Case[Any]

WEB_KEY = "canary-web-key"
# Differs from the password of the examples, one of which would change it.
PASSWORD = "staple the battery"

# Deleting the user would break the calls after it.
DELETE_USER = "UserService_DeleteUser"
# The variables that name data of the user. DELETE is excluded, because other calls need the data.
PATH_VARIABLES = {"/workouts/{id}": "workout_id", "/user/{id_or_lookup}": "user_id"}


@dataclass(frozen=True)
class Person:
    """User with a session. `workout_id` is in their diary."""

    user_id: str
    username: str
    access_token: str
    refresh_token: str
    workout_id: str

    @classmethod
    def registered(cls, url: str) -> Self:
        """Register a new user."""
        name = f"person-{uuid4()}"
        with httpx2.Client(base_url=url, timeout=30) as client:
            account = {"username": name, "password": PASSWORD}
            user = client.post("/v2/auth/register", json=account).json()
            tokens = client.post("/v2/auth/login", json=account).json()
            bearer = {"authorization": f"Bearer {tokens['access_token']}"}
            workout = {"date": "2026-02-07", "type": "Running", "duration": 30}
            entry = client.post("/v2/workouts", json=workout, headers=bearer).json()
        return cls(user["id"], name, tokens["access_token"], tokens["refresh_token"], entry["id"])

    def credentials(self, case: Case) -> dict[str, str]:
        """Return the credentials that an operation needs."""
        schemes = {name for each in case.operation.definition.raw["security"] for name in each}
        if "purchaseToken" in schemes:
            return {"authorization": f"Web {WEB_KEY}"}
        if "accessToken" in schemes:
            return {"authorization": f"Bearer {self.access_token}"}
        return {}

    def take_over(self, case: Case) -> None:
        """Insert this user's ids into every other call, because random ids match no data."""
        said = repr((case.body, case.path_parameters)).encode()
        operation = case.operation.definition.raw
        if zlib.crc32(said) % 2 or operation["operationId"].startswith(DELETE_USER):
            return
        if isinstance(case.body, dict):
            case.body |= dict.fromkeys(self._names(case.body), self.user_id)
        if case.method != "DELETE":
            for path, own in PATH_VARIABLES.items():
                if case.path.endswith(path):
                    name = path.split("{")[1].rstrip("}")
                    case.path_parameters[name] = getattr(self, own)

    def _names(self, body: dict[str, Any]) -> set[str]:
        """Return the fields of a body that name the user."""
        if "password" in body:
            return {"userId"} if "userId" in body else {"id"} & body.keys()
        return {"toUserId"} & body.keys()
