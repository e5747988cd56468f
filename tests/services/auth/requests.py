"""A request of each method for the data of one owner."""

from collections.abc import Callable
from dataclasses import dataclass, field

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.message import Message
from gymlocker.v2 import (
    ai_pb2,
    auth_pb2,
    backup_pb2,
    event_pb2,
    exercise_pb2,
    follow_pb2,
    inbox_pb2,
    push_pb2,
    share_pb2,
    system_pb2,
    user_pb2,
    workout_pb2,
)

from tests.services.push.device import Device
from tests.services.workout.formats.reading import CASES
from tests.support.client import SOME_UUID, User, event_of, follow, item_of, update_of

BACKUP = (CASES / "app-september-2026.liftlogbackup.gz").read_bytes()
# Nothing listens there.
PUSH_URL = "https://127.0.0.1:9/Canary"
FILE = b"date,type,duration\n2026-02-08,Rowing,20\n"


@dataclass(frozen=True)
class Things:
    """Data of the owner, and credentials of the caller."""

    owner: User
    username: str
    secret: str
    item_id: str
    workout_id: str
    key_id: str
    session_id: str
    backup_id: str
    message_id: str
    endpoint_id: str
    challenge: str
    # Credentials of the caller.
    password: str = ""
    refresh_token: str = ""
    # The owner's id, with the caller's password if the request carries one.
    who: User = field(default_factory=User)


REQUESTS: dict[str, Callable[[Things], Message]] = {
    "SystemService.GetHealth": lambda things: system_pb2.GetHealthRequest(),
    "SystemService.GetFeatures": lambda things: system_pb2.GetFeaturesRequest(),
    "UserService.CreateUser": lambda things: user_pb2.CreateUserRequest(),
    "UserService.GetUser": lambda things: user_pb2.GetUserRequest(id_or_lookup=things.owner.lookup),
    "UserService.GetUsers": lambda things: user_pb2.GetUsersRequest(ids=[things.owner.id]),
    "UserService.UpdateUser": lambda things: update_of(things.who),
    "UserService.DeleteUser": lambda things: user_pb2.DeleteUserRequest(
        id=things.who.id, password=things.who.password
    ),
    "EventService.PutEvent": lambda things: event_of(things.who),
    "EventService.GetEvents": lambda things: event_pb2.GetEventsRequest(
        users=[follow(things.owner.id, things.secret)]
    ),
    "EventService.WatchEvents": lambda things: event_pb2.WatchEventsRequest(
        users=[follow(things.owner.id, things.secret)]
    ),
    "EventService.DeleteEvent": lambda things: event_pb2.DeleteEventRequest(
        user_id=things.who.id, password=things.who.password, event_id=SOME_UUID
    ),
    "FollowService.PutFollowSecret": lambda things: follow_pb2.PutFollowSecretRequest(
        user_id=things.who.id, password=things.who.password, follow_secret="new secret"
    ),
    "FollowService.DeleteFollowSecret": lambda things: follow_pb2.DeleteFollowSecretRequest(
        user_id=things.who.id, password=things.who.password, follow_secret=things.secret
    ),
    "InboxService.PutInboxMessage": lambda things: inbox_pb2.PutInboxMessageRequest(
        to_user_id=things.owner.id, encrypted_message=[b"message"]
    ),
    "InboxService.GetInboxMessages": lambda things: inbox_pb2.GetInboxMessagesRequest(
        user_id=things.who.id, password=things.who.password
    ),
    "InboxService.LeaseInboxMessages": lambda things: inbox_pb2.LeaseInboxMessagesRequest(
        user_id=things.who.id, password=things.who.password, lease_seconds=10, max_messages=10
    ),
    "InboxService.AckInboxMessages": lambda things: inbox_pb2.AckInboxMessagesRequest(
        user_id=things.who.id, password=things.who.password, ids=[things.message_id]
    ),
    "InboxService.WatchInbox": lambda things: inbox_pb2.WatchInboxRequest(
        user_id=things.who.id, password=things.who.password
    ),
    "PushService.RegisterEndpoint": lambda things: Device(f"{PUSH_URL}/new").request(),
    "PushService.ListEndpoints": lambda things: push_pb2.ListEndpointsRequest(),
    "PushService.ConfirmEndpoint": lambda things: push_pb2.ConfirmEndpointRequest(
        id=things.endpoint_id, challenge=things.challenge
    ),
    "PushService.DeleteEndpoint": lambda things: push_pb2.DeleteEndpointRequest(
        id=things.endpoint_id
    ),
    "ShareService.CreateSharedItem": lambda things: item_of(things.who),
    "ShareService.GetSharedItem": lambda things: share_pb2.GetSharedItemRequest(id=things.item_id),
    "AuthService.Register": lambda things: auth_pb2.RegisterRequest(
        username=things.username, password="correct horse"
    ),
    "AuthService.Login": lambda things: auth_pb2.LoginRequest(
        username=things.username, password=things.password
    ),
    "AuthService.RefreshToken": lambda things: auth_pb2.RefreshTokenRequest(
        refresh_token=things.refresh_token
    ),
    "AuthService.Logout": lambda things: auth_pb2.LogoutRequest(refresh_token=things.refresh_token),
    "AuthService.GetMe": lambda things: auth_pb2.GetMeRequest(),
    "AuthService.ClaimUsername": lambda things: auth_pb2.ClaimUsernameRequest(
        username=things.username
    ),
    "AuthService.UpdateAccount": lambda things: auth_pb2.UpdateAccountRequest(),
    "AuthService.CreateAccessKey": lambda things: auth_pb2.CreateAccessKeyRequest(
        name="new key", scopes=["planner"]
    ),
    "AuthService.ListAccessKeys": lambda things: auth_pb2.ListAccessKeysRequest(),
    "AuthService.DeleteAccessKey": lambda things: auth_pb2.DeleteAccessKeyRequest(id=things.key_id),
    "AuthService.ListSessions": lambda things: auth_pb2.ListSessionsRequest(),
    "AuthService.DeleteSession": lambda things: auth_pb2.DeleteSessionRequest(id=things.session_id),
    "AuthService.ExportAccount": lambda things: auth_pb2.ExportAccountRequest(),
    # A caller who knows the owner's password still needs the owner's session.
    "AuthService.ChangePassword": lambda things: auth_pb2.ChangePasswordRequest(
        current_password=things.owner.password, new_password=things.owner.password
    ),
    "WorkoutService.CreateWorkout": lambda things: workout_pb2.CreateWorkoutRequest(
        date="2026-02-07", type="Running", duration=30
    ),
    "WorkoutService.GetWorkout": lambda things: workout_pb2.GetWorkoutRequest(id=things.workout_id),
    "WorkoutService.ListWorkouts": lambda things: workout_pb2.ListWorkoutsRequest(),
    "WorkoutService.ListWorkoutChanges": lambda things: workout_pb2.ListWorkoutChangesRequest(),
    "ExerciseService.ListExercises": lambda things: exercise_pb2.ListExercisesRequest(),
    "ExerciseService.GetExerciseProgress": lambda things: exercise_pb2.GetExerciseProgressRequest(
        name="Canary"
    ),
    "ExerciseService.ListRecords": lambda things: exercise_pb2.ListRecordsRequest(),
    "WorkoutService.GetWorkoutStats": lambda things: workout_pb2.GetWorkoutStatsRequest(),
    "WorkoutService.ExportWorkouts": lambda things: workout_pb2.ExportWorkoutsRequest(),
    "WorkoutService.ImportWorkouts": lambda things: workout_pb2.ImportWorkoutsRequest(
        file=HttpBody(data=FILE)
    ),
    "WorkoutService.UpdateWorkout": lambda things: workout_pb2.UpdateWorkoutRequest(
        id=things.workout_id,
        replacement=workout_pb2.WorkoutReplacement(date="2026-02-07", type="Yoga", duration=60),
    ),
    "WorkoutService.DeleteWorkout": lambda things: workout_pb2.DeleteWorkoutRequest(
        id=things.workout_id
    ),
    "BackupService.UploadBackup": lambda things: backup_pb2.UploadBackupRequest(
        file=HttpBody(data=BACKUP)
    ),
    "BackupService.DownloadBackup": lambda things: backup_pb2.DownloadBackupRequest(
        id=things.backup_id
    ),
    "BackupService.ListBackups": lambda things: backup_pb2.ListBackupsRequest(),
    "BackupService.ImportBackup": lambda things: backup_pb2.ImportBackupRequest(
        id=things.backup_id
    ),
    "BackupService.DeleteBackup": lambda things: backup_pb2.DeleteBackupRequest(
        id=things.backup_id
    ),
    "AiService.GenerateWorkoutPlan": lambda things: ai_pb2.GenerateWorkoutPlanRequest(),
    "AiService.GenerateSession": lambda things: ai_pb2.GenerateSessionRequest(),
    "AiService.Chat": lambda things: ai_pb2.ChatRequest(),
    "AiService.StreamChat": lambda things: ai_pb2.StreamChatRequest(),
    "AiService.GetQuota": lambda things: ai_pb2.GetQuotaRequest(),
}
