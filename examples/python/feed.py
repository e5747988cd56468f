"""An app in Python: publish a workout that only a follower can read, then log one.

    python feed.py [127.0.0.1:8080]

Ada publishes, Bob follows. Each step prints one line. An unexpected result is printed and ends the
program with exit code 1.
"""

import asyncio
import base64
import json
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import grpc
from cryptography.exceptions import InvalidSignature
from gymlocker.v2 import (
    auth_pb2,
    event_pb2,
    follow_pb2,
    inbox_pb2,
    training_pb2,
    user_pb2,
    workout_pb2,
)
from gymlocker.v2.auth_pb2_grpc import AuthServiceStub
from gymlocker.v2.event_pb2_grpc import EventServiceStub
from gymlocker.v2.follow_pb2_grpc import FollowServiceStub
from gymlocker.v2.inbox_pb2_grpc import InboxServiceStub
from gymlocker.v2.user_pb2_grpc import UserServiceStub
from gymlocker.v2.workout_pb2_grpc import WorkoutServiceStub
from sealing import Keys, encrypt_message, unseal, unverified, verified

NAME = b"Ada Lovelace"
WORKOUT = '{"workout": "squats", "sets": 5, "reps": 5, "mood": "😀"}'.encode()


@dataclass
class Person:
    """A user of the feed. The password and the keys stay on the phone."""

    id: str
    password: str
    keys: Keys


class Mismatch(Exception):
    """A result that differs from what was sent."""


def expect(condition: bool, message: str) -> None:
    """Raise Mismatch with the message unless the condition is true."""
    if not condition:
        raise Mismatch(message)


async def join(users: UserServiceStub, name: bytes) -> Person:
    """Create a user, then publish the public key and the encrypted name."""
    user = await users.CreateUser(user_pb2.CreateUserRequest())
    person = Person(user.id, user.password, Keys())
    sealed, iv = person.keys.seal(name)
    await users.UpdateUser(
        user_pb2.UpdateUserRequest(
            id=person.id,
            password=person.password,
            encrypted_name=sealed,
            encryption_iv=iv,
            rsa_public_key=person.keys.public,
        )
    )
    return person


async def share_with_a_follower(channel: grpc.aio.Channel) -> None:
    """Use the encrypted feed: Ada publishes a workout, and Bob reads it."""
    users, events = UserServiceStub(channel), EventServiceStub(channel)
    follows, inbox = FollowServiceStub(channel), InboxServiceStub(channel)

    ada, bob = await join(users, NAME), await join(users, b"Bob")
    print("Ada and Bob published their public keys and their encrypted names")

    # Ada lets Bob follow. She sends her secret and key in a message that only he can read.
    secret = str(uuid.uuid4())
    await follows.PutFollowSecret(
        follow_pb2.PutFollowSecretRequest(
            user_id=ada.id, password=ada.password, follow_secret=secret
        )
    )
    key = base64.b64encode(ada.keys.aes).decode()
    message = json.dumps({"from": ada.id, "aesKey": key, "followSecret": secret}).encode()
    bob_profile = await users.GetUser(user_pb2.GetUserRequest(id_or_lookup=bob.id))
    chunks = encrypt_message(ada.keys.sign(message), bob_profile.rsa_public_key)
    await inbox.PutInboxMessage(
        inbox_pb2.PutInboxMessageRequest(to_user_id=bob.id, encrypted_message=chunks)
    )
    print("Ada sent Bob her follow secret and her key, encrypted for him")

    # Bob decrypts it. He must not trust its content before he has verified the signature.
    request = inbox_pb2.GetInboxMessagesRequest(user_id=bob.id, password=bob.password)
    messages = (await inbox.GetInboxMessages(request)).inbox_messages
    expect(len(messages) == 1, f"Bob's inbox contains {len(messages)} messages instead of one")
    decrypted = bob.keys.decrypt_message(messages[0].encrypted_message)
    sender = json.loads(unverified(decrypted))["from"]
    ada_profile = await users.GetUser(user_pb2.GetUserRequest(id_or_lookup=sender))
    content = json.loads(verified(decrypted, ada_profile.rsa_public_key))
    aes = base64.b64decode(content["aesKey"])
    ada_key = ada_profile.rsa_public_key
    name = unseal(ada_profile.encrypted_name, ada_profile.encryption_iv, aes, ada_key)
    expect(name == NAME, f"the name was returned as {name!r}")
    print(f"Bob decrypted it and read Ada's name: {name.decode()}")

    sealed, iv = ada.keys.seal(WORKOUT)
    event = event_pb2.PutEventRequest(
        user_id=ada.id,
        password=ada.password,
        event_id=str(uuid.uuid4()),
        encrypted_event_payload=sealed,
        encrypted_event_iv=iv,
    )
    event.expiry.FromDatetime(datetime.now(UTC) + timedelta(days=30))
    await events.PutEvent(event)
    print(f"Ada published a workout: {len(sealed)} encrypted bytes")

    followed = event_pb2.FollowedUser(user_id=sender, follow_secret=content["followSecret"])
    feed = await events.GetEvents(event_pb2.GetEventsRequest(users=[followed]))
    expect(len(feed.events) == 1, f"Bob's feed contains {len(feed.events)} events instead of one")
    found = feed.events[0]
    expect(found.encrypted_event_payload == sealed, "the server changed the encrypted bytes")
    text = unseal(found.encrypted_event_payload, found.encrypted_event_iv, aes, ada_key)
    expect(text == WORKOUT, f"the workout was returned as {text!r}")
    print(f"Bob read it, byte for byte: {text.decode()}")

    for person in (ada, bob):
        await users.DeleteUser(user_pb2.DeleteUserRequest(id=person.id, password=person.password))
    print("Ada and Bob deleted their users")


async def log_a_workout(channel: grpc.aio.Channel) -> None:
    """Create an account with a username, and a workout in its log, which the server can read."""
    accounts, log = AuthServiceStub(channel), WorkoutServiceStub(channel)
    username, password = f"ada {uuid.uuid4()}", str(uuid.uuid4())
    account = await accounts.Register(
        auth_pb2.RegisterRequest(username=username, password=password)
    )
    tokens = await accounts.Login(auth_pb2.LoginRequest(username=username, password=password))
    bearer = (("authorization", f"Bearer {tokens.access_token}"),)
    print("registered and logged in")

    weight = training_pb2.SetWeight(value=102.5, unit="kg")
    sets = [training_pb2.WorkoutSet(reps=reps, weight=weight) for reps in (5, 4)]
    squats = training_pb2.WorkoutExercise(name="Squat", sets=sets)
    workout = workout_pb2.CreateWorkoutRequest(
        date="2026-02-07", type="Lifting", duration=55, exercises=[squats]
    )
    added = await log.CreateWorkout(workout, metadata=bearer)
    # With exercises, which a list leaves out otherwise.
    everything = workout_pb2.ListWorkoutsRequest(view="full")
    listed = await log.ListWorkouts(everything, metadata=bearer)
    expect(list(listed.workouts) == [added], f"the log contains {listed.workouts}")
    expect(list(added.exercises) == [squats], f"the exercises are {added.exercises}")
    about = f"{added.date} {added.type}, {added.duration} minutes, {added.set_count} sets of Squat"
    print(f"the log contains one workout: {about}")

    await log.DeleteWorkout(workout_pb2.DeleteWorkoutRequest(id=added.id), metadata=bearer)
    listed = await log.ListWorkouts(everything, metadata=bearer)
    expect(not listed.workouts, "the workout is still in the log")
    # An account is also a user. Its token replaces the password.
    users = UserServiceStub(channel)
    await users.DeleteUser(user_pb2.DeleteUserRequest(id=account.id), metadata=bearer)
    print("deleted the workout and the account")


async def main(address: str) -> None:
    """Run both parts against the server at `host:port`."""
    async with grpc.aio.insecure_channel(address) as channel:
        await share_with_a_follower(channel)
        await log_a_workout(channel)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:] or ["127.0.0.1:8080"]))
    except grpc.aio.AioRpcError as error:
        sys.exit(f"the server returned {error.code().name}: {error.details()}")
    except InvalidSignature:
        sys.exit("unexpected result: the signature is not the sender's")
    except Mismatch as error:
        sys.exit(f"unexpected result: {error}")
