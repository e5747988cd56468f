"""The contract's JSON as pydantic models: requests with its limits, and replies.

Requests may be spelt in camelCase or in snake_case. Replies are made from what has attributes of
the same names.
"""

from base64 import b64encode
from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
)
from pydantic.alias_generators import to_camel

EVER = datetime.min.replace(tzinfo=UTC)


def _encoded(value: bytes) -> str:
    return b64encode(value).decode("ascii")


# pydantic's own way (`ser_json_bytes`) has the alphabet for URLs, which the contract has not.
Bytes = Annotated[bytes, PlainSerializer(_encoded, return_type=str)]


def _within(value: bytes, most: int) -> bytes:
    if not 1 <= len(value) <= most:
        raise ValueError(f"must have 1 to {most} bytes")
    return value


# Not Field(max_length=...), which counts the characters of the base64.
Payload = Annotated[Base64Bytes, AfterValidator(partial(_within, most=15 * 1024))]
Vector = Annotated[Base64Bytes, AfterValidator(partial(_within, most=16))]
Password = Annotated[str, Field(max_length=40)]


class Request(BaseModel):
    """What a client says."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_camel), validate_by_name=True
    )


class Reply(BaseModel):
    """What a client is told."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_camel), from_attributes=True
    )


class Nothing(Reply):
    """That it is done."""


class Profile(Reply):
    """A user."""

    id: UUID
    lookup: str
    encrypted_current_plan: Bytes | None
    encrypted_profile_picture: Bytes | None
    encrypted_name: Bytes | None
    encryption_iv: Bytes = Field(serialization_alias="encryptionIV")
    rsa_public_key: Bytes


class GetUsers(Request):
    """Whose profiles are wanted."""

    ids: list[UUID] = Field(min_length=1, max_length=200)


class Users(Reply):
    """Those that there are, by their ids."""

    users: dict[str, Profile]


class PutEvent(Request):
    """An event to publish."""

    user_id: UUID
    password: Password = ""
    event_id: UUID
    encrypted_event_payload: Payload
    encrypted_event_iv: Vector = Field(
        validation_alias=AliasChoices("encryptedEventIV", "encrypted_event_iv")
    )
    expiry: AwareDatetime


class FollowedUser(Request):
    """Whose events are wanted, from when on, and the secret that lets one."""

    user_id: UUID
    follow_secret: str = ""
    since: AwareDatetime = EVER


class GetEvents(Request):
    """All whose events are wanted."""

    users: list[FollowedUser] = Field(min_length=1, max_length=200)


class Event(Reply):
    """An event that somebody published."""

    user_id: UUID
    event_id: UUID
    timestamp: datetime
    encrypted_event_payload: Bytes
    encrypted_event_iv: Bytes = Field(serialization_alias="encryptedEventIV")
    expiry: datetime


class Events(Reply):
    """The events, and the secrets that were wrong."""

    events: list[Event]
    invalid_follow_secrets: list[str]


class PutInboxMessage(Request):
    """A message to somebody, in chunks."""

    to_user_id: UUID
    encrypted_message: list[Annotated[Base64Bytes, Field(max_length=1024)]] = Field(
        min_length=1, max_length=20
    )


class GetInboxMessages(Request):
    """Whose messages are wanted."""

    user_id: UUID
    password: Password = ""


class InboxMessage(Reply):
    """A message."""

    id: UUID
    encrypted_message: list[Bytes]


class InboxMessages(Reply):
    """All messages, oldest first."""

    inbox_messages: list[InboxMessage]


class Login(Request):
    """Who wants a session."""

    username: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=128)


class Tokens(BaseModel):
    """What a session is gone on with, as RFC 6749 spells it."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int
    refresh_token: str
