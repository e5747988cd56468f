"""A person, and what the app on their phone does: the only place where keys and calls meet.

What a phone sends and reads is what the LiftLog app sends and reads; only the plaintexts are JSON
here, where the app has messages of its own. The server cannot tell the difference.
"""

import asyncio
import base64
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from gymlocker.v2 import event_pb2, follow_pb2, inbox_pb2, share_pb2, user_pb2
from gymlocker.v2.event_pb2_grpc import EventServiceStub
from gymlocker.v2.follow_pb2_grpc import FollowServiceStub
from gymlocker.v2.inbox_pb2_grpc import InboxServiceStub
from gymlocker.v2.share_pb2_grpc import ShareServiceStub
from gymlocker.v2.user_pb2_grpc import UserServiceStub

from server.programs.demo import keys
from server.programs.demo.keys import Keys, Sealed, Unreadable
from server.programs.demo.transport import Transport, channel_over

LIFETIME = timedelta(days=30)


class Phone:
    """The services of one server, called through one transport."""

    def __init__(self, transport: Transport) -> None:
        channel = channel_over(transport)
        self.users = UserServiceStub(channel)
        self.events = EventServiceStub(channel)
        self.follows = FollowServiceStub(channel)
        self.inbox = InboxServiceStub(channel)
        self.shares = ShareServiceStub(channel)


@dataclass(frozen=True)
class Friend:
    """What a follower got from the person they follow: with it the feed can be read."""

    user_id: str
    public_spki: bytes
    aes: bytes
    follow_secret: str


@dataclass(frozen=True)
class InboxMessage:
    """An inbox message: what was said, the signed bytes, and the chunks that travelled."""

    said: dict[str, Any]
    signed: bytes
    chunks: list[bytes]


@dataclass(frozen=True)
class Link:
    """A link to a shared item. The key is in it, and the server never sees it."""

    item_id: str
    aes: bytes


@dataclass
class Person:
    """Somebody with an account: `password` and `keys` are on no other phone."""

    name: str
    phone: Phone
    keys: Keys
    user_id: str
    lookup: str
    password: str = field(repr=False)

    @classmethod
    async def join(cls, name: str, phone: Phone) -> "Person":
        """Makes keys on the phone and an account on the server."""
        own_keys = await asyncio.to_thread(keys.new_keys)
        account = await phone.users.CreateUser(user_pb2.CreateUserRequest())
        return cls(name, phone, own_keys, account.id, account.lookup, account.password)

    async def publish_profile(self, picture: bytes) -> user_pb2.UpdateUserRequest:
        """Encrypts name and picture, which share one vector, and stores them. Returns what went."""
        iv = keys.new_iv()
        request = user_pb2.UpdateUserRequest(
            id=self.user_id,
            password=self.password,
            encrypted_name=self._seal(self.name.encode(), iv).ciphertext,
            encrypted_profile_picture=self._seal(picture, iv).ciphertext,
            encryption_iv=iv,
            rsa_public_key=self.keys.public_spki,
        )
        await self.phone.users.UpdateUser(request)
        return request

    async def look_up(self, id_or_lookup: str) -> user_pb2.GetUserResponse:
        """Reads anybody's public profile."""
        return await self.phone.users.GetUser(user_pb2.GetUserRequest(id_or_lookup=id_or_lookup))

    async def write_to(
        self, receiver: user_pb2.GetUserResponse, said: dict[str, Any]
    ) -> InboxMessage:
        """Signs a message, encrypts it for the receiver and puts it into their inbox."""
        said = {"from": self.user_id, **said}
        plaintext = json.dumps(said, ensure_ascii=False).encode()
        signed = plaintext + keys.sign(plaintext, self.keys.private)
        chunks = keys.encrypt_chunks(signed, receiver.rsa_public_key)
        request = inbox_pb2.PutInboxMessageRequest(to_user_id=receiver.id, encrypted_message=chunks)
        await self.phone.inbox.PutInboxMessage(request)
        return InboxMessage(said, signed, chunks)

    async def empty_inbox(self) -> list[inbox_pb2.InboxMessage]:
        """Takes all messages out of the inbox."""
        request = inbox_pb2.GetInboxMessagesRequest(user_id=self.user_id, password=self.password)
        response = await self.phone.inbox.GetInboxMessages(request)
        return list(response.inbox_messages)

    async def open_letter(self, message: inbox_pb2.InboxMessage) -> InboxMessage:
        """Decrypts a message and verifies it with the key of whom it says it is from.

        Raises Unreadable if it is not for this person, or the sender is not who they claim to be.
        """
        chunks = list(message.encrypted_message)
        signed = keys.decrypt_chunks(chunks, self.keys.private)
        plaintext, signature = keys.split_signed(signed)
        try:
            said = json.loads(plaintext)
            sender = await self.look_up(said["from"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable("the message does not say whom it is from") from error
        keys.verify(plaintext, signature, sender.rsa_public_key)
        return InboxMessage(said, signed, chunks)

    async def publish(self, event_id: str, text: bytes) -> event_pb2.PutEventRequest:
        """Encrypts a session and publishes it under `event_id`. Returns what went."""
        sealed = self._seal(text)
        request = event_pb2.PutEventRequest(
            user_id=self.user_id,
            password=self.password,
            event_id=event_id,
            encrypted_event_payload=sealed.ciphertext,
            encrypted_event_iv=sealed.iv,
            expiry=_in(LIFETIME),
        )
        await self.phone.events.PutEvent(request)
        return request

    async def poll(
        self, user_id: str, follow_secret: str, since: Timestamp | None = None
    ) -> event_pb2.GetEventsResponse:
        """Asks for the feed of one user since a time, as the server stores it."""
        followed = event_pb2.FollowedUser(user_id=user_id, follow_secret=follow_secret, since=since)
        return await self.phone.events.GetEvents(event_pb2.GetEventsRequest(users=[followed]))

    async def grant(self, follow_secret: str) -> None:
        """Lets whoever knows the secret read the feed."""
        request = follow_pb2.PutFollowSecretRequest(
            user_id=self.user_id, password=self.password, follow_secret=follow_secret
        )
        await self.phone.follows.PutFollowSecret(request)

    async def revoke(self, follow_secret: str) -> None:
        """Shuts out whoever came with this secret."""
        request = follow_pb2.DeleteFollowSecretRequest(
            user_id=self.user_id, password=self.password, follow_secret=follow_secret
        )
        await self.phone.follows.DeleteFollowSecret(request)

    async def share(self, text: bytes) -> tuple[Link, Sealed]:
        """Stores an item under a key of its own. Returns the link, and the bytes that went."""
        aes = keys.new_aes_key()
        sealed = keys.seal(text, aes, self.keys.private)
        request = share_pb2.CreateSharedItemRequest(
            user_id=self.user_id,
            password=self.password,
            encrypted_payload=share_pb2.EncryptedPayload(
                encrypted_payload=sealed.ciphertext,
                iv=share_pb2.InitializationVector(value=sealed.iv),
            ),
            expiry=_in(LIFETIME),
        )
        response = await self.phone.shares.CreateSharedItem(request)
        return Link(response.id, aes), sealed

    async def leave(self) -> None:
        """Deletes the account and everything in it."""
        request = user_pb2.DeleteUserRequest(id=self.user_id, password=self.password)
        await self.phone.users.DeleteUser(request)

    def _seal(self, plaintext: bytes, iv: bytes | None = None) -> Sealed:
        return keys.seal(plaintext, self.keys.aes, self.keys.private, iv=iv)


async def fetch_shared(phone: Phone, item_id: str) -> share_pb2.GetSharedItemResponse:
    """Reads a shared item: needs no account, only the link."""
    return await phone.shares.GetSharedItem(share_pb2.GetSharedItemRequest(id=item_id))


def open_shared(link: Link, response: share_pb2.GetSharedItemResponse) -> bytes:
    """Decrypts a shared item and verifies that its owner signed it. Raises Unreadable."""
    payload = response.encrypted_payload
    sealed = Sealed(payload.encrypted_payload, payload.iv.value)
    return keys.unseal(sealed, link.aes, response.rsa_public_key.spki_public_key_bytes)


def read_profile(profile: user_pb2.GetUserResponse, aes: bytes) -> tuple[bytes, bytes]:
    """Decrypts and verifies name and picture of a profile. Raises Unreadable."""

    def read(ciphertext: bytes) -> bytes:
        return keys.unseal(Sealed(ciphertext, profile.encryption_iv), aes, profile.rsa_public_key)

    return read(profile.encrypted_name), read(profile.encrypted_profile_picture)


def read_event(event: event_pb2.UserEvent, friend: Friend) -> bytes:
    """Decrypts and verifies a session. Raises Unreadable."""
    sealed = Sealed(event.encrypted_event_payload, event.encrypted_event_iv)
    return keys.unseal(sealed, friend.aes, friend.public_spki)


def acceptance(aes: bytes, follow_secret: str) -> dict[str, Any]:
    """Words the answer that lets a follower in."""
    key = base64.b64encode(aes).decode()
    return {"type": "followAccepted", "aesKey": key, "followSecret": follow_secret}


def friend_from(letter: InboxMessage, profile: user_pb2.GetUserResponse) -> Friend:
    """Reads the answer that `acceptance` worded."""
    aes = base64.b64decode(letter.said["aesKey"])
    return Friend(profile.id, profile.rsa_public_key, aes, letter.said["followSecret"])


def new_event_id() -> str:
    """Makes an event's id, a random UUID."""
    return str(uuid.uuid4())


def _in(duration: timedelta) -> Timestamp:
    moment = Timestamp()
    # Whole seconds: the database keeps microseconds, and the comparison is to be exact.
    moment.FromDatetime((datetime.now(UTC) + duration).replace(microsecond=0))
    return moment
