"""Replies of successful calls, compared with the document.

Random calls seldom succeed. Here each operation succeeds, once for each of its two paths, and its
reply is checked against a document that allows no unknown fields.
"""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import schemathesis

from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.contract.openapi.checks import CHECKS
from tests.contract.openapi.descriptions import closed, operations, validator
from tests.contract.openapi.person import PASSWORD, WEB_KEY, Person
from tests.services.auth.requests import BACKUP
from tests.services.push.device import Device, text_of
from tests.services.push.rows import challenge_of
from tests.support.stack import Stack

pytestmark = pytest.mark.extended

Json = dict[str, Any]

SCHEMA = schemathesis.openapi.from_dict(closed())
# The maximum of other streams is that of schemathesis. These do not end.
WATCHES = {"EventService_WatchEvents": 3, "InboxService_WatchInbox": 1}
IV = "AAECAwQFBgcICQoLDA0ODw=="
FUTURE = "2999-12-31T23:59:59Z"
SET = {
    "kind": "normal",
    "reps": 5,
    "weight": {"value": 102.5, "unit": "kg"},
    "distance": {"value": 5, "unit": "m"},
    "durationSeconds": 20,
    "rpe": 8.5,
    "completed": True,
    "notes": "slow",
}
EXERCISE = {"name": "Sled", "notes": "grass", "superset": 1, "sets": [SET]}
WORKOUT = {"date": "2026-02-07", "type": "Running", "duration": 30}
LIFTING = WORKOUT | {"startTime": "2026-02-07T18:30:00+01:00", "exercises": [EXERCISE]}
PURCHASE = {"authorization": f"Web {WEB_KEY}"}


class Caller:
    """New user who calls operations by their ids. Every call must succeed."""

    def __init__(self, url: str, suffix: str) -> None:
        self._url = url
        self._suffix = suffix
        self.person = Person.registered(url)
        self.me = {"userId": self.person.user_id, "password": PASSWORD}
        self.bearer = {"authorization": f"Bearer {self.person.access_token}"}
        self.succeeded: set[str] = set()

    def raw(self, operation_id: str, **parts: Any) -> schemathesis.Response:
        """Return the reply of a call."""
        name = operation_id + self._suffix
        SCHEMA.config.max_stream_events = WATCHES.get(operation_id)
        case = SCHEMA.find_operation_by_id(name).Case(**parts)
        response = case.call_and_validate(base_url=self._url, checks=CHECKS)
        assert response.status_code == 200, response.text
        self.succeeded.add(name)
        return response

    def __call__(self, operation_id: str, body: Json | None = None, **parts: Any) -> Json:
        if body is not None:
            parts |= {"body": body, "media_type": "application/json"}
        reply: Json = self.raw(operation_id, **parts).json()
        return reply

    def messages(self, operation_id: str, body: Json, **parts: Any) -> list[Json]:
        """Return the messages of a stream, which the document describes."""
        parts |= {"body": body, "media_type": "application/json"}
        events = self.raw(operation_id, **parts).text.split("\n\n")
        (about,) = [each for _, _, each in operations() if each["operationId"] == operation_id]
        stream = about["responses"]["200"]["content"]["text/event-stream"]
        found = [json.loads(event.removeprefix("data: ")) for event in filter(None, events)]
        for message in found:
            validator(stream["x-event-schema"]).validate(message)
        return found


@pytest.mark.parametrize("suffix", ["", "_unversioned"])
def test_every_operation_succeeds_as_described(
    own_stack: Stack, postgres: TemporaryPostgres, suffix: str
) -> None:
    call = Caller(own_stack.url, suffix)
    use_the_feed(call)
    use_the_training_log(call)
    use_the_planner(call)
    use_backups(call)
    use_push(call, postgres.url("openapi"))
    use_the_account(call)
    named = {operation["operationId"] for _, _, operation in operations()}
    assert call.succeeded == {
        name for name in named if name.endswith("_unversioned") == bool(suffix)
    }


def use_the_feed(call: Caller) -> None:
    user_id = call.person.user_id
    user = call("UserService_CreateUser", {})
    call("UserService_DeleteUser", {"id": user["id"], "password": user["password"]})
    profile = {"encryptedName": "", "encryptedCurrentPlan": "cGxhbg==", "encryptionIV": IV}
    call("UserService_UpdateUser", {"id": user_id, "password": PASSWORD, **profile})
    found = call("UserService_GetUser", path_parameters={"id_or_lookup": user_id})
    assert found["encryptedName"] == ""
    assert call("UserService_GetUsers", {"ids": [user_id]})["users"] == {user_id: found}
    call("FollowService_PutFollowSecret", {**call.me, "followSecret": "secret"})
    event = {"eventId": str(uuid4()), "encryptedEventPayload": "cGxhbg==", "expiry": FUTURE}
    call("EventService_PutEvent", {**call.me, **event, "encryptedEventIV": IV})
    followed = [{"userId": user_id, "followSecret": secret} for secret in ("secret", "no")]
    events = call("EventService_GetEvents", {"users": followed})
    assert events["events"] and events["invalidFollowSecrets"] == ["no"]
    messages = call.messages("EventService_WatchEvents", {"users": followed})
    assert [*map(list, messages)] == [["invalidFollowSecret"], ["event"], ["cursor"]]
    call("EventService_DeleteEvent", {**call.me, "eventId": event["eventId"]})
    call("FollowService_DeleteFollowSecret", {**call.me, "followSecret": "secret"})
    message = {"toUserId": user_id, "encryptedMessage": ["Zmlyc3Q="]}
    call("InboxService_PutInboxMessage", message)
    assert call("InboxService_GetInboxMessages", call.me)["inboxMessages"]
    call("InboxService_PutInboxMessage", message)
    assert call.messages("InboxService_WatchInbox", call.me) == [{"waiting": {"count": 1}}]
    lease = {"leaseSeconds": 60, "maxMessages": 10}
    [leased] = call("InboxService_LeaseInboxMessages", call.me | lease)["inboxMessages"]
    call("InboxService_AckInboxMessages", call.me | {"ids": [leased["id"]]})
    payload = {"encryptedPayload": "cGxhbg==", "iv": {"value": IV}}
    item = {**call.me, "encryptedPayload": payload, "expiry": FUTURE}
    created = call("ShareService_CreateSharedItem", item)
    call("ShareService_GetSharedItem", path_parameters={"id": created["id"]})
    call("SystemService_GetHealth")
    assert call.raw("SystemService_GetHealth_head").content == b""
    assert call("SystemService_GetFeatures")["feed"] is True
    assert call.raw("SystemService_GetFeatures_head").content == b""


def use_the_training_log(call: Caller) -> None:
    mine: Json = {"headers": call.bearer}
    created = call("WorkoutService_CreateWorkout", LIFTING, **mine)
    assert created["exercises"] == [EXERCISE]
    one: Json = mine | {"path_parameters": {"id": created["id"]}}
    call("WorkoutService_GetWorkout", **one)
    unchanged = {"If-Match": f'"{created["etag"]}"'}
    call(
        "WorkoutService_UpdateWorkout",
        WORKOUT | {"notes": "rain"},
        **one | {"headers": call.bearer | unchanged},
    )
    use_the_figures(call)
    mask: Json = one | {"query": {"updateMask": "type,notes"}}
    patched = call("WorkoutService_UpdateWorkout_patch", {"type": "Run"}, **mask)
    assert (patched["type"], patched["notes"]) == ("Run", "")
    page = call("WorkoutService_ListWorkouts", query={"pageSize": 1}, **mine)
    assert page["nextPageToken"]
    stats = call("WorkoutService_GetWorkoutStats", **mine)
    assert stats["weeks"] and stats["months"] and stats["types"]
    file = call.raw("WorkoutService_ExportWorkouts", **mine)
    assert json.loads(
        call.raw("WorkoutService_ExportWorkouts", query={"format": "json"}, **mine).content
    )
    for format_ in ("fitnotes", "strong"):
        call.raw("WorkoutService_ExportWorkouts", query={"format": format_}, **mine)
    parts: Json = {"body": file.content + b"nonsense\r\n", "media_type": "text/csv"}
    imported = call("WorkoutService_ImportWorkouts", query={"dryRun": True}, **parts, **mine)
    assert imported["existing"] == 2 and imported["problems"]
    call("WorkoutService_DeleteWorkout", **one)
    changes = call("WorkoutService_ListWorkoutChanges", **mine)["changes"]
    assert [change.keys() for change in changes] == [{"workout"}, {"deletedId"}]


def use_the_figures(call: Caller) -> None:
    mine: Json = {"headers": call.bearer}
    [exercise] = call("ExerciseService_ListExercises", **mine)["exercises"]
    assert exercise["bestSet"] == SET
    progress = call("ExerciseService_GetExerciseProgress", query={"name": "sled"}, **mine)
    assert progress["points"][0]["topSet"] == SET
    assert len(call("ExerciseService_ListRecords", **mine)["records"]) == 6


def use_the_planner(call: Caller) -> None:
    bought: Json = {"headers": PURCHASE}
    plan = call("AiService_GenerateWorkoutPlan", {"attributes": {}}, **bought)
    assert plan["sessions"]
    call("AiService_GenerateSession", {"attributes": {}}, **bought)
    assert "reset" in call("AiService_GetQuota", **bought)
    history = [
        {"role": "ROLE_ASSISTANT", "text": "Here it is", "plan": plan},
        {"role": "ROLE_USER", "text": "Make me another plan"},
    ]
    answer = call.messages("AiService_StreamChat", {"history": history}, **bought)
    assert {kind for message in answer for kind in message} == {"message", "plan", "end"}


def use_the_account(call: Caller) -> None:
    account = {"username": f"caller-{uuid4()}", "password": PASSWORD}
    call("AuthService_Register", account)
    tokens = call("AuthService_Login", account)
    tokens = call("AuthService_RefreshToken", {"refreshToken": tokens["refresh_token"]})
    mine: Json = {"headers": {"authorization": f"Bearer {tokens['access_token']}"}}
    assert call("AuthService_GetMe", **mine)["username"] == account["username"]
    call("AuthService_ClaimUsername", {"username": account["username"].upper()}, **mine)
    assert call("AuthService_UpdateAccount", {"importBackups": True}, **mine)["importBackups"]
    use_keys_and_sessions(call, account, mine)
    new = {"currentPassword": PASSWORD, "newPassword": PASSWORD * 2}
    call("AuthService_ChangePassword", new, **mine)
    call("AuthService_Logout", {"refreshToken": tokens["refresh_token"]})


def use_keys_and_sessions(call: Caller, account: Json, mine: Json) -> None:
    new = {"name": "phone", "scopes": ["backup", "feed"], "expireTime": FUTURE}
    key = call("AuthService_CreateAccessKey", new, **mine)
    [listed] = call("AuthService_ListAccessKeys", **mine)["accessKeys"]
    assert listed["id"] == key["id"]
    call("AuthService_DeleteAccessKey", path_parameters={"id": key["id"]}, **mine)
    call("AuthService_Login", account)
    sessions = call("AuthService_ListSessions", **mine)["sessions"]
    [other] = [session["id"] for session in sessions if not session["current"]]
    call("AuthService_DeleteSession", path_parameters={"id": other}, **mine)
    assert json.loads(call.raw("AuthService_ExportAccount", **mine).content)["account"]


def use_push(call: Caller, database_url: str) -> None:
    mine: Json = {"headers": call.bearer}
    device = Device("https://127.0.0.1:9/abc")
    keys = {"p256dh": text_of(device.p256dh), "auth": text_of(device.auth)}
    new = {"endpoint": device.endpoint, "keys": keys}
    endpoint_id = call("PushService_RegisterEndpoint", new, **mine)["id"]
    one: Json = mine | {"path_parameters": {"id": endpoint_id}}
    challenge = asyncio.run(pushed_challenge(database_url, endpoint_id))
    call("PushService_ConfirmEndpoint", {"challenge": challenge}, **one)
    listed = call("PushService_ListEndpoints", **mine)
    assert listed["vapidPublicKey"]
    [endpoint] = listed["endpoints"]
    assert endpoint.keys() == {"id", "endpoint", "createTime", "confirmed"}
    assert (endpoint["id"], endpoint["confirmed"]) == (endpoint_id, True)
    call("PushService_DeleteEndpoint", **one)


async def pushed_challenge(database_url: str, endpoint_id: str) -> str:
    connection = await asyncpg.connect(database_url)
    challenge = await challenge_of(connection, UUID(endpoint_id))
    await connection.close()
    return text_of(challenge)


def use_backups(call: Caller) -> None:
    mine: Json = {"headers": call.bearer}
    parts: Json = {"body": BACKUP, "media_type": "application/octet-stream"}
    backup = call("BackupService_UploadBackup", **parts, **mine)
    assert call("BackupService_ListBackups", **mine)["backups"] == [backup]
    one: Json = mine | {"path_parameters": {"id": backup["id"]}}
    assert call.raw("BackupService_DownloadBackup", **mine).content == BACKUP
    assert call.raw("BackupService_DownloadBackup_by_id", **one).content == BACKUP
    assert call.raw("BackupService_DownloadBackup_head", **mine).content == b""
    assert call.raw("BackupService_DownloadBackup_head_by_id", **one).content == b""
    options: Json = one | {"query": {"dryRun": True, "timeZone": "Europe/Berlin"}}
    assert call("BackupService_ImportBackup", **options)["added"]
    call("BackupService_DeleteBackup", **one)
