"""A person and their phone: the only module that combines keys and calls.

Phones send and read the same fields as the LiftLog app. Only the plaintexts differ: they are JSON
here, and messages of its own format in the app. The server cannot tell the difference.
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
    """A followed person, with the keys and the secret that a follower needs to read the feed."""

    user_id: str
    public_spki: bytes
    aes: bytes
    follow_secret: str


@dataclass(frozen=True)
class InboxMessage:
    """An inbox message: its content, the signed bytes and the encrypted chunks."""

    content: dict[str, Any]
    signed: bytes
    chunks: list[bytes]


@dataclass(frozen=True)
class Link:
    """A link to a shared item. It contains the key, which is never sent to the server."""

    item_id: str
    aes: bytes


@dataclass
class Person:
    """A user. `password` and `keys` exist on this person's phone only."""

    name: str
    phone: Phone
    keys: Keys
    user_id: str
    lookup: str
    password: str = field(repr=False)

    @classmethod
    async def create(cls, name: str, phone: Phone) -> "Person":
        """Generate keys on the phone and create an account on the server."""
        own_keys = await asyncio.to_thread(keys.new_keys)
        account = await phone.users.CreateUser(user_pb2.CreateUserRequest())
        return cls(name, phone, own_keys, account.id, account.lookup, account.password)

    async def publish_profile(self, picture: bytes) -> user_pb2.UpdateUserRequest:
        """Encrypt name and picture, which share one IV, and store them. Return the request."""
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
        """Return the public profile of a user."""
        return await self.phone.users.GetUser(user_pb2.GetUserRequest(id_or_lookup=id_or_lookup))

    async def send_message(
        self, receiver: user_pb2.GetUserResponse, content: dict[str, Any]
    ) -> InboxMessage:
        """Sign a message, encrypt it for the receiver and put it into their inbox."""
        content = {"from": self.user_id, **content}
        plaintext = json.dumps(content, ensure_ascii=False).encode()
        signed = plaintext + keys.sign(plaintext, self.keys.private)
        chunks = keys.encrypt_chunks(signed, receiver.rsa_public_key)
        request = inbox_pb2.PutInboxMessageRequest(to_user_id=receiver.id, encrypted_message=chunks)
        await self.phone.inbox.PutInboxMessage(request)
        return InboxMessage(content, signed, chunks)

    async def take_messages(self) -> list[inbox_pb2.InboxMessage]:
        """Remove and return all messages in the inbox."""
        request = inbox_pb2.GetInboxMessagesRequest(user_id=self.user_id, password=self.password)
        response = await self.phone.inbox.GetInboxMessages(request)
        return list(response.inbox_messages)

    async def open_message(self, message: inbox_pb2.InboxMessage) -> InboxMessage:
        """Decrypt a message and verify it with the public key of the sender that it names.

        Raise Unreadable if it is not for this person, or if another person signed it.
        """
        chunks = list(message.encrypted_message)
        signed = keys.decrypt_chunks(chunks, self.keys.private)
        plaintext, signature = keys.split_signed(signed)
        try:
            content = json.loads(plaintext)
            sender = await self.look_up(content["from"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable("the message does not name its sender") from error
        keys.verify(plaintext, signature, sender.rsa_public_key)
        return InboxMessage(content, signed, chunks)

    async def publish(self, event_id: str, text: bytes) -> event_pb2.PutEventRequest:
        """Encrypt a session and publish it under `event_id`. Return the request."""
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

    async def retract(self, event_id: str) -> None:
        """Delete a published session."""
        request = event_pb2.DeleteEventRequest(
            user_id=self.user_id, password=self.password, event_id=event_id
        )
        await self.phone.events.DeleteEvent(request)

    async def poll(
        self, user_id: str, follow_secret: str, since: Timestamp | None = None
    ) -> event_pb2.GetEventsResponse:
        """Return the encrypted feed of one user, optionally since a time."""
        followed = event_pb2.FollowedUser(user_id=user_id, follow_secret=follow_secret, since=since)
        return await self.phone.events.GetEvents(event_pb2.GetEventsRequest(users=[followed]))

    async def grant(self, follow_secret: str) -> None:
        """Allow everyone with this follow secret to read the feed."""
        request = follow_pb2.PutFollowSecretRequest(
            user_id=self.user_id, password=self.password, follow_secret=follow_secret
        )
        await self.phone.follows.PutFollowSecret(request)

    async def revoke(self, follow_secret: str) -> None:
        """Revoke a follow secret."""
        request = follow_pb2.DeleteFollowSecretRequest(
            user_id=self.user_id, password=self.password, follow_secret=follow_secret
        )
        await self.phone.follows.DeleteFollowSecret(request)

    async def share(self, text: bytes) -> tuple[Link, Sealed]:
        """Encrypt an item with its own key and store it. Return its link and its ciphertext."""
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

    async def delete_account(self) -> None:
        """Delete the account and its data."""
        request = user_pb2.DeleteUserRequest(id=self.user_id, password=self.password)
        await self.phone.users.DeleteUser(request)

    def _seal(self, plaintext: bytes, iv: bytes | None = None) -> Sealed:
        return keys.seal(plaintext, self.keys.aes, self.keys.private, iv=iv)


async def fetch_shared(phone: Phone, item_id: str) -> share_pb2.GetSharedItemResponse:
    """Return a shared item. This needs no account, only the link."""
    return await phone.shares.GetSharedItem(share_pb2.GetSharedItemRequest(id=item_id))


def open_shared(link: Link, response: share_pb2.GetSharedItemResponse) -> bytes:
    """Decrypt a shared item and verify its owner's signature. Raise Unreadable."""
    payload = response.encrypted_payload
    sealed = Sealed(payload.encrypted_payload, payload.iv.value)
    return keys.unseal(sealed, link.aes, response.rsa_public_key.spki_public_key_bytes)


def read_profile(profile: user_pb2.GetUserResponse, aes: bytes) -> tuple[bytes, bytes]:
    """Decrypt and verify the name and the picture of a profile. Raise Unreadable."""

    def read(ciphertext: bytes) -> bytes:
        return keys.unseal(Sealed(ciphertext, profile.encryption_iv), aes, profile.rsa_public_key)

    return read(profile.encrypted_name), read(profile.encrypted_profile_picture)


def read_event(event: event_pb2.UserEvent, friend: Friend) -> bytes:
    """Decrypt and verify a session. Raise Unreadable."""
    sealed = Sealed(event.encrypted_event_payload, event.encrypted_event_iv)
    return keys.unseal(sealed, friend.aes, friend.public_spki)


def follow_accepted(aes: bytes, follow_secret: str) -> dict[str, Any]:
    """Return the content of the message that accepts a follower."""
    key = base64.b64encode(aes).decode()
    return {"type": "followAccepted", "aesKey": key, "followSecret": follow_secret}


def friend_from(message: InboxMessage, profile: user_pb2.GetUserResponse) -> Friend:
    """Return the friend who sent a message with the content of `follow_accepted`."""
    content = message.content
    aes = base64.b64decode(content["aesKey"])
    return Friend(profile.id, profile.rsa_public_key, aes, content["followSecret"])


def new_event_id() -> str:
    """Generate an event id, which is a random UUID."""
    return str(uuid.uuid4())


def _in(duration: timedelta) -> Timestamp:
    moment = Timestamp()
    # Whole seconds: the database stores microseconds, and the comparison must be exact.
    moment.FromDatetime((datetime.now(UTC) + duration).replace(microsecond=0))
    return moment
