"""An app in Python: publishes a workout that only a follower can read, then keeps a diary.

    python feed.py [127.0.0.1:8080]

Ada publishes, Bob follows. Each step is one line; exit code 1 says what was not as it should be.
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
from gymlocker.v2 import auth_pb2, event_pb2, follow_pb2, inbox_pb2, user_pb2, workout_pb2
from gymlocker.v2.auth_pb2_grpc import AuthServiceStub
from gymlocker.v2.event_pb2_grpc import EventServiceStub
from gymlocker.v2.follow_pb2_grpc import FollowServiceStub
from gymlocker.v2.inbox_pb2_grpc import InboxServiceStub
from gymlocker.v2.user_pb2_grpc import UserServiceStub
from gymlocker.v2.workout_pb2_grpc import WorkoutServiceStub
from sealing import Keys, unseal, verified, write_letter

NAME = b"Ada Lovelace"
WORKOUT = '{"workout": "squats", "sets": 5, "reps": 5, "mood": "😀"}'.encode()


@dataclass
class Person:
    """A user of the feed. The password and the keys stay on the phone."""

    id: str
    password: str
    keys: Keys


class Different(Exception):
    """Something did not come back as it went."""


def expect(same: bool, what: str) -> None:
    """Raises Different unless it is so."""
    if not same:
        raise Different(what)


async def join(users: UserServiceStub, name: bytes) -> Person:
    """Makes a user, then publishes the public key and the encrypted name."""
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
    """The encrypted feed: from two new users to a workout that one wrote and the other read."""
    users, events = UserServiceStub(channel), EventServiceStub(channel)
    follows, inbox = FollowServiceStub(channel), InboxServiceStub(channel)

    ada, bob = await join(users, NAME), await join(users, b"Bob")
    print("Ada and Bob published their public keys and their encrypted names")

    # Ada lets Bob follow. What he needs for it is in a letter that only he can read.
    secret = str(uuid.uuid4())
    await follows.PutFollowSecret(
        follow_pb2.PutFollowSecretRequest(
            user_id=ada.id, password=ada.password, follow_secret=secret
        )
    )
    key = base64.b64encode(ada.keys.aes).decode()
    letter = json.dumps({"from": ada.id, "aesKey": key, "followSecret": secret}).encode()
    profile = await users.GetUser(user_pb2.GetUserRequest(id_or_lookup=bob.id))
    chunks = write_letter(ada.keys.sign(letter), profile.rsa_public_key)
    await inbox.PutInboxMessage(
        inbox_pb2.PutInboxMessageRequest(to_user_id=bob.id, encrypted_message=chunks)
    )
    print("Ada sent Bob her follow secret and her key, encrypted for him")

    # Bob opens it, and believes it only after he has verified the signature.
    request = inbox_pb2.GetInboxMessagesRequest(user_id=bob.id, password=bob.password)
    messages = (await inbox.GetInboxMessages(request)).inbox_messages
    expect(len(messages) == 1, f"Bob's inbox holds {len(messages)} messages instead of one")
    opened = bob.keys.open_letter(messages[0].encrypted_message)
    sender = json.loads(opened[:-256])["from"]
    ada_seen = await users.GetUser(user_pb2.GetUserRequest(id_or_lookup=sender))
    got = json.loads(verified(opened, ada_seen.rsa_public_key))
    aes = base64.b64decode(got["aesKey"])
    name = unseal(ada_seen.encrypted_name, ada_seen.encryption_iv, aes, ada_seen.rsa_public_key)
    expect(name == NAME, f"the name came back as {name!r}")
    print(f"Bob opened it, and reads Ada's name: {name.decode()}")

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

    followed = event_pb2.FollowedUser(user_id=sender, follow_secret=got["followSecret"])
    feed = await events.GetEvents(event_pb2.GetEventsRequest(users=[followed]))
    expect(len(feed.events) == 1, f"Bob's feed holds {len(feed.events)} events instead of one")
    found = feed.events[0]
    expect(found.encrypted_event_payload == sealed, "the server changed the encrypted bytes")
    text = unseal(
        found.encrypted_event_payload, found.encrypted_event_iv, aes, ada_seen.rsa_public_key
    )
    expect(text == WORKOUT, f"the workout came back as {text!r}")
    print(f"Bob read it, byte for byte: {text.decode()}")

    for person in (ada, bob):
        await users.DeleteUser(user_pb2.DeleteUserRequest(id=person.id, password=person.password))
    print("Ada and Bob deleted themselves")


async def keep_a_diary(channel: grpc.aio.Channel) -> None:
    """An account with a username, and a workout in its diary, which the server can read."""
    accounts, diary = AuthServiceStub(channel), WorkoutServiceStub(channel)
    username, password = f"ada {uuid.uuid4()}", str(uuid.uuid4())
    account = await accounts.Register(
        auth_pb2.RegisterRequest(username=username, password=password)
    )
    tokens = await accounts.Login(auth_pb2.LoginRequest(username=username, password=password))
    bearer = (("authorization", f"Bearer {tokens.access_token}"),)
    print("registered and logged in")

    run = workout_pb2.CreateWorkoutRequest(
        date="2026-02-07", type="Running", duration=30, notes="Easy pace"
    )
    added = await diary.CreateWorkout(run, metadata=bearer)
    listed = await diary.ListWorkouts(workout_pb2.ListWorkoutsRequest(), metadata=bearer)
    expect(list(listed.workouts) == [added], f"the diary holds {listed.workouts}")
    print(f"the diary holds one workout: {added.date} {added.type}, {added.duration} minutes")

    await diary.DeleteWorkout(workout_pb2.DeleteWorkoutRequest(id=added.id), metadata=bearer)
    listed = await diary.ListWorkouts(workout_pb2.ListWorkoutsRequest(), metadata=bearer)
    expect(not listed.workouts, "the workout is still in the diary")
    # An account is a user: its token does for a password.
    users = UserServiceStub(channel)
    await users.DeleteUser(user_pb2.DeleteUserRequest(id=account.id), metadata=bearer)
    print("deleted the workout and the account")


async def main(address: str) -> None:
    """Runs both against the server at `host:port`."""
    async with grpc.aio.insecure_channel(address) as channel:
        await share_with_a_follower(channel)
        await keep_a_diary(channel)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:] or ["127.0.0.1:8080"]))
    except grpc.aio.AioRpcError as error:
        sys.exit(f"the server said {error.code().name}: {error.details()}")
    except InvalidSignature:
        sys.exit("that is not right: the signature is not the sender's")
    except Different as error:
        sys.exit(f"that is not right: {error}")
