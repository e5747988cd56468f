"""Examples of requests and replies as JSON. A test sends every request twice.

They tell one story: Ada registers an account and logs her training, and an anonymous user, her
friend, follows her. One value stands for one thing in all examples: the workout that one example
creates is the one that others read, change and delete.

The replies have examples for the values that only a server can choose. The page /docs puts the
values of a real reply in place of these, in all examples.
"""

from typing import Any

from google.protobuf.descriptor import Descriptor

_FRIEND_ID = "11111111-2222-4333-8444-555555555555"
_FRIEND_LOOKUP = "squatsatdawn"
_FRIEND_PASSWORD = "22222222-3333-4444-8555-666666666666"  # noqa: S105 - an example
_FRIEND = {"id": _FRIEND_ID, "password": _FRIEND_PASSWORD}
_ADA_ID = "66666666-7777-4888-9999-aaaaaaaaaaaa"
_ADA = {"username": "ada", "password": "correct horse battery"}
_NEW_PASSWORD = "staple, and a correct horse"  # noqa: S105 - an example
_OWNER = {"userId": _ADA_ID, "password": _ADA["password"]}
_REFRESH_TOKEN = "dGhlIG5leHQgcGFpciBvZiB0b2tlbnM"  # noqa: S105 - an example
_IV = "AAECAwQFBgcICQoLDA0ODw=="
_FUTURE = "2036-01-01T00:00:00Z"
_SECRET = "squats-at-dawn"  # noqa: S105 - an example
_ITEM_ID = "planofspring"
_WORKOUT_ID = "33333333-4444-4555-8666-777777777777"
_KEY_ID = "77777777-8888-4999-8aaa-bbbbbbbbbbbb"
_SESSION_ID = "88888888-9999-4aaa-8bbb-cccccccccccc"
_ENDPOINT_ID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
_BACKUP_ID = "99999999-aaaa-4bbb-8ccc-dddddddddddd"
_LIFTING = {"date": "2026-02-07", "type": "Lifting", "duration": 55}
_SETS = [
    {"kind": "warmup", "reps": 8, "weight": {"value": 60, "unit": "kg"}},
    {"reps": 5, "weight": {"value": 100, "unit": "kg"}, "rpe": 8},
    {"reps": 4, "weight": {"value": 102.5, "unit": "kg"}, "notes": "slow"},
]
_YEAR = {"startDate": "2026-01-01", "endDate": "2026-12-31"}

_REQUESTS: dict[str, dict[str, Any]] = {
    "CreateUserRequest": {},
    "GetUserRequest": {"idOrLookup": _FRIEND_LOOKUP},
    "UpdateUserRequest": {
        **_FRIEND,
        "encryptedName": "c2VjcmV0",
        "encryptionIV": _IV,
        "rsaPublicKey": "a2V5",
    },
    "GetUsersRequest": {"ids": [_FRIEND_ID, _ADA_ID]},
    "RegisterRequest": _ADA,
    "LoginRequest": _ADA,
    "RefreshTokenRequest": {"refreshToken": _REFRESH_TOKEN},
    "ClaimUsernameRequest": {"username": _ADA["username"]},
    "UpdateAccountRequest": {"importBackups": True},
    "CreateAccessKeyRequest": {"name": "LiftLog on my phone", "scopes": ["backup", "planner"]},
    "DeleteAccessKeyRequest": {"id": _KEY_ID},
    "DeleteSessionRequest": {"id": _SESSION_ID},
    "DownloadBackupRequest": {"id": _BACKUP_ID},
    "DeleteBackupRequest": {"id": _BACKUP_ID},
    "ImportBackupRequest": {"id": _BACKUP_ID, "timeZone": "Europe/Berlin"},
    "CreateWorkoutRequest": {
        "id": _WORKOUT_ID,
        **_LIFTING,
        "startTime": "2026-02-07T18:30:00+01:00",
        "exercises": [{"name": "Bench Press", "sets": _SETS}],
    },
    "GetWorkoutRequest": {"id": _WORKOUT_ID},
    # No page token: the server rejects one that it did not issue.
    "ListWorkoutsRequest": {"pageSize": 20, **_YEAR, "type": "lifting", "view": "full"},
    "UpdateWorkoutRequest": {"id": _WORKOUT_ID},
    "WorkoutReplacement": {**_LIFTING, "duration": 60, "notes": "New bar"},
    "WorkoutPatch": {"duration": 62, "notes": "New bar, and a longer rest"},
    "DeleteWorkoutRequest": {"id": _WORKOUT_ID},
    "ListWorkoutChangesRequest": {"pageSize": 100},
    "ImportWorkoutsRequest": {"format": "gymlocker", "onChange": "update"},
    "GetWorkoutStatsRequest": {**_YEAR, "today": "2026-02-08", "unit": "kg", "weekStart": "monday"},
    "ExportWorkoutsRequest": {"format": "csv"},
    "ListExercisesRequest": {"q": "press", "unit": "kg", "pageSize": 20},
    "GetExerciseProgressRequest": {"name": "Bench Press", **_YEAR, "unit": "kg"},
    "ListRecordsRequest": {"name": "Bench Press", "unit": "kg"},
    "PutFollowSecretRequest": {**_OWNER, "followSecret": _SECRET},
    "PutEventRequest": {
        **_OWNER,
        "eventId": "44444444-5555-4666-8777-888888888888",
        "encryptedEventPayload": "d29ya291dA==",
        "encryptedEventIV": _IV,
        "expiry": _FUTURE,
    },
    "GetEventsRequest": {
        "users": [{"userId": _ADA_ID, "followSecret": _SECRET, "since": "2026-01-01T00:00:00Z"}]
    },
    # Without a cursor: the server rejects one that it did not issue.
    "WatchEventsRequest": {"users": [{"userId": _ADA_ID, "followSecret": _SECRET}]},
    "PutInboxMessageRequest": {
        "toUserId": _ADA_ID,
        "encryptedMessage": ["Zmlyc3Q=", "c2Vjb25k"],
        "idempotencyKey": "follow-request-of-a-friend",
    },
    "GetInboxMessagesRequest": _OWNER,
    "LeaseInboxMessagesRequest": {**_OWNER, "leaseSeconds": 60, "maxMessages": 100},
    "AckInboxMessagesRequest": {**_OWNER, "ids": ["55555555-6666-4777-8888-999999999999"]},
    "WatchInboxRequest": _OWNER,
    # No such host exists: the server rejects it.
    "RegisterEndpointRequest": {
        "endpoint": "https://push.example/dGhlIHBob25lIG9mIEFkYQ",
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6"
            "SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    },
    "ConfirmEndpointRequest": {"id": _ENDPOINT_ID, "challenge": 43 * "A"},
    "DeleteEndpointRequest": {"id": _ENDPOINT_ID},
    "CreateSharedItemRequest": {
        **_OWNER,
        "requestId": "plan-of-spring",
        "encryptedPayload": {"encryptedPayload": "cGxhbg==", "iv": {"value": _IV}},
        "expiry": _FUTURE,
    },
    "GetSharedItemRequest": {"id": _ITEM_ID},
    "GenerateWorkoutPlanRequest": {
        "attributes": {
            "gender": "female",
            "weightRange": "70-80kg",
            "age": 36,
            "daysPerWeek": 3,
            "goals": ["strength"],
            "experience": "beginner",
            "additionalInfo": "There is a barbell in the cellar.",
            "locale": "en-AU",
        }
    },
    "GenerateSessionRequest": {
        "attributes": {
            "areasToWorkout": ["chest"],
            "volume": 50,
            "minutes": 45,
            "exerciseToKilograms": {"Bench press": 60},
            "equipment": ["barbell"],
            "locale": "en-AU",
        }
    },
    "StreamChatRequest": {
        "history": [{"role": "ROLE_USER", "text": "Make me a plan"}],
        "introduction": {"locale": "en-AU", "weightUnit": "kg"},
    },
    # The end of the story.
    "DeleteEventRequest": {**_OWNER, "eventId": "44444444-5555-4666-8777-888888888888"},
    "DeleteFollowSecretRequest": {**_OWNER, "followSecret": _SECRET},
    "ChangePasswordRequest": {"currentPassword": _ADA["password"], "newPassword": _NEW_PASSWORD},
    "LogoutRequest": {"refreshToken": _REFRESH_TOKEN},
    "DeleteUserRequest": {"id": _ADA_ID, "password": _NEW_PASSWORD},
}

_REPLIES: dict[str, dict[str, Any]] = {
    "CreateUserResponse": {**_FRIEND, "lookup": _FRIEND_LOOKUP},
    "Account": {
        "id": _ADA_ID,
        "lookup": "deadliftnoon",
        "username": _ADA["username"],
        "created": "2026-02-01T09:00:00Z",
        "importBackups": False,
    },
    "Tokens": {
        "access_token": "header.claims.signature",
        "token_type": "bearer",
        "expires_in": 3600,
        "refresh_token": _REFRESH_TOKEN,
    },
    "CreateSharedItemResponse": {"id": _ITEM_ID},
    "CreateAccessKeyResponse": {
        "id": _KEY_ID,
        "name": "LiftLog on my phone",
        "scopes": ["backup", "planner"],
        "createTime": "2026-02-07T20:00:00Z",
        "key": "glk_" + 43 * "A",
    },
    "Backup": {
        "id": _BACKUP_ID,
        "size": 1857,
        "sha256": 64 * "0",
        "createTime": "2026-02-07T21:00:00Z",
    },
}


def example_of(message: Descriptor) -> dict[str, Any]:
    """Return an example of a request, not necessarily with every field."""
    return _REQUESTS[message.name]


def reply_example_of(message: Descriptor) -> dict[str, Any]:
    """Return the example of a reply as the key of a media type; nothing if there is none."""
    return {"example": _REPLIES[message.name]} if message.name in _REPLIES else {}
