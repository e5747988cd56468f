"""JSON of the contract as pydantic models: requests with their limits, and responses.

Requests accept camelCase and snake_case. Responses are created from objects with attributes of the
same names.
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

MIN_TIME = datetime.min.replace(tzinfo=UTC)


def _encoded(value: bytes) -> str:
    return b64encode(value).decode("ascii")


# pydantic's `ser_json_bytes` uses the URL-safe alphabet; the contract uses the standard one.
Bytes = Annotated[bytes, PlainSerializer(_encoded, return_type=str)]


def _check_size(value: bytes, maximum: int) -> bytes:
    if not 1 <= len(value) <= maximum:
        raise ValueError(f"must have 1 to {maximum} bytes")
    return value


# Field(max_length=...) would count the base64 characters.
Payload = Annotated[Base64Bytes, AfterValidator(partial(_check_size, maximum=15 * 1024))]
Vector = Annotated[Base64Bytes, AfterValidator(partial(_check_size, maximum=16))]
Password = Annotated[str, Field(max_length=40)]


class Request(BaseModel):
    """Base of requests."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_camel), validate_by_name=True
    )


class Response(BaseModel):
    """Base of responses."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_camel), from_attributes=True
    )


class Empty(Response):
    """A response without fields."""


class Profile(Response):
    """A user's profile."""

    id: UUID
    lookup: str
    encrypted_current_plan: Bytes | None
    encrypted_profile_picture: Bytes | None
    encrypted_name: Bytes | None
    encryption_iv: Bytes = Field(serialization_alias="encryptionIV")
    rsa_public_key: Bytes


class GetUsers(Request):
    """The ids of the requested profiles."""

    ids: list[UUID] = Field(min_length=1, max_length=200)


class Users(Response):
    """The profiles found, by id."""

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
    """A user whose events are requested, with the follow secret and the time to read from."""

    user_id: UUID
    follow_secret: str = ""
    since: AwareDatetime = MIN_TIME


class GetEvents(Request):
    """The users whose events are requested."""

    users: list[FollowedUser] = Field(min_length=1, max_length=200)


class Event(Response):
    """A published event."""

    user_id: UUID
    event_id: UUID
    timestamp: datetime
    encrypted_event_payload: Bytes
    encrypted_event_iv: Bytes = Field(serialization_alias="encryptedEventIV")
    expiry: datetime


class Events(Response):
    """The events, and the invalid secrets."""

    events: list[Event]
    invalid_follow_secrets: list[str]


class PutInboxMessage(Request):
    """A message to a user, in chunks."""

    to_user_id: UUID
    encrypted_message: list[Annotated[Base64Bytes, Field(max_length=1024)]] = Field(
        min_length=1, max_length=20
    )


class GetInboxMessages(Request):
    """The user whose messages are requested."""

    user_id: UUID
    password: Password = ""


class InboxMessage(Response):
    """An inbox message."""

    id: UUID
    encrypted_message: list[Bytes]


class InboxMessages(Response):
    """All messages, oldest first."""

    inbox_messages: list[InboxMessage]


class Login(Request):
    """The credentials of a login."""

    username: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=128)


class Tokens(BaseModel):
    """The tokens of a session, with the field names of RFC 6749."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - the type of a token
    expires_in: int
    refresh_token: str
