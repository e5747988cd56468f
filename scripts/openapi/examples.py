"""Examples of each request as JSON. A test checks that they respect the contract's limits."""

from typing import Any

from google.protobuf.descriptor import Descriptor

_ID = "11111111-2222-4333-8444-555555555555"
_OTHER_ID = "66666666-7777-4888-9999-aaaaaaaaaaaa"
_IV = "AAECAwQFBgcICQoLDA0ODw=="
_PASSWORD = "correct horse battery"  # noqa: S105 - an example
_REFRESH_TOKEN = "dGhlIG5leHQgcGFpciBvZiB0b2tlbnM"  # noqa: S105 - an example
_OWNER = {"userId": _ID, "password": _PASSWORD}
_WORKOUT = {"date": "2026-02-07", "type": "Running", "duration": 30, "notes": "Easy pace"}
_SETS = [
    {"reps": 5, "weight": {"value": 100, "unit": "kg"}, "rpe": 8},
    {"reps": 4, "weight": {"value": 102.5, "unit": "kg"}, "notes": "slow"},
]
_LIFTING = {
    "date": "2026-02-07",
    "type": "Lifting",
    "duration": 55,
    "startTime": "2026-02-07T18:30:00+01:00",
    "exercises": [{"name": "Bench Press", "sets": _SETS}],
}
_FUTURE = "2036-01-01T00:00:00Z"

_EXAMPLES: dict[str, dict[str, Any]] = {
    "CreateUserRequest": {},
    "GetUserRequest": {"idOrLookup": "squatsatdawn"},
    "UpdateUserRequest": {
        "id": _ID,
        "password": _PASSWORD,
        "encryptedName": "c2VjcmV0",
        "encryptionIV": _IV,
        "rsaPublicKey": "a2V5",
    },
    "DeleteUserRequest": {"id": _ID, "password": _PASSWORD},
    "GetUsersRequest": {"ids": [_ID, _OTHER_ID]},
    "PutEventRequest": {
        **_OWNER,
        "eventId": _OTHER_ID,
        "encryptedEventPayload": "d29ya291dA==",
        "encryptedEventIV": _IV,
        "expiry": _FUTURE,
    },
    "GetEventsRequest": {
        "users": [
            {"userId": _ID, "followSecret": "squats-at-dawn", "since": "2026-01-01T00:00:00Z"}
        ]
    },
    "PutFollowSecretRequest": {**_OWNER, "followSecret": "squats-at-dawn"},
    "DeleteFollowSecretRequest": {**_OWNER, "followSecret": "squats-at-dawn"},
    "PutInboxMessageRequest": {"toUserId": _ID, "encryptedMessage": ["Zmlyc3Q=", "c2Vjb25k"]},
    "GetInboxMessagesRequest": _OWNER,
    "CreateSharedItemRequest": {
        **_OWNER,
        "encryptedPayload": {"encryptedPayload": "cGxhbg==", "iv": {"value": _IV}},
        "expiry": _FUTURE,
    },
    "GetSharedItemRequest": {"id": "squatsatdawn"},
    "RegisterRequest": {"username": "ada", "password": _PASSWORD},
    "LoginRequest": {"username": "ada", "password": _PASSWORD},
    "RefreshTokenRequest": {"refreshToken": _REFRESH_TOKEN},
    "LogoutRequest": {"refreshToken": _REFRESH_TOKEN},
    "ChangePasswordRequest": {
        "currentPassword": _PASSWORD,
        "newPassword": "staple, and a correct horse",
    },
    "ClaimUsernameRequest": {"username": "ada"},
    "CreateWorkoutRequest": {**_LIFTING, "requestId": "bench-of-february-7"},
    "GetWorkoutRequest": {"id": _ID},
    # No page token: the server rejects one that it did not issue.
    "ListWorkoutsRequest": {
        "pageSize": 20,
        "startDate": "2026-01-01",
        "endDate": "2026-12-31",
        "type": "running",
    },
    "UpdateWorkoutRequest": {"id": _ID, "updateMask": "type,notes"},
    "WorkoutReplacement": _WORKOUT,
    "WorkoutPatch": {"type": "Running", "notes": "Faster than it felt"},
    "DeleteWorkoutRequest": {"id": _ID},
    "ListWorkoutChangesRequest": {"pageSize": 100},
    "ListExercisesRequest": {"q": "press", "unit": "kg", "pageSize": 20},
    "GetExerciseProgressRequest": {
        "name": "Bench Press",
        "startDate": "2026-01-01",
        "endDate": "2026-12-31",
        "unit": "kg",
    },
    "ListRecordsRequest": {"name": "Bench Press", "unit": "kg"},
    "GetWorkoutStatsRequest": {
        "startDate": "2026-01-01",
        "endDate": "2026-12-31",
        "type": "running",
        "today": "2026-02-08",
    },
    "ExportWorkoutsRequest": {"format": "csv"},
    "ImportWorkoutsRequest": {
        "format": "gymlocker",
        "dryRun": True,
        "allOrNothing": True,
        "defaultDuration": 45,
    },
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
}


def example_of(message: Descriptor) -> dict[str, Any]:
    """Return an example of a message, not necessarily with every field."""
    return _EXAMPLES[message.name]
