"""Tables as mapped classes, with the names of response fields."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, LargeBinary, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Owner = Annotated[UUID, mapped_column(ForeignKey("users.id", ondelete="CASCADE"))]


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map: ClassVar = {
        datetime: DateTime(timezone=True),
        list[bytes]: ARRAY(LargeBinary),
    }


class User(Base):
    """A user, with a username if they registered one."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lookup: Mapped[str] = mapped_column("user_lookup")
    hashed_password: Mapped[str]
    salt: Mapped[bytes]
    last_accessed: Mapped[datetime]
    created: Mapped[datetime]
    encrypted_current_plan: Mapped[bytes | None]
    encrypted_profile_picture: Mapped[bytes | None]
    encrypted_name: Mapped[bytes | None]
    encryption_iv: Mapped[bytes]
    rsa_public_key: Mapped[bytes]
    username: Mapped[str | None]
    username_key: Mapped[str | None]


class UserEvent(Base):
    """A published event."""

    __tablename__ = "user_events"

    user_id: Mapped[Owner] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column("id", primary_key=True)
    timestamp: Mapped[datetime]
    last_accessed: Mapped[datetime]
    expiry: Mapped[datetime]
    encrypted_event_payload: Mapped[bytes] = mapped_column("encrypted_event")
    encrypted_event_iv: Mapped[bytes] = mapped_column("encryption_iv")


class UserEventClock(Base):
    """The newest timestamp of a user's events; writing an event locks its row."""

    __tablename__ = "user_event_clocks"

    user_id: Mapped[Owner] = mapped_column(primary_key=True)
    timestamp: Mapped[datetime]


class FollowSecret(Base):
    """A secret that allows followers to read a user's events."""

    __tablename__ = "user_follow_secrets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[Owner]
    value: Mapped[str]


class InboxItem(Base):
    """An unread message."""

    __tablename__ = "user_inbox_items"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[Owner]
    encrypted_message: Mapped[list[bytes]]
    received: Mapped[datetime | None] = mapped_column(server_default=func.clock_timestamp())


class LoginSession(Base):
    """A session, from login to logout."""

    __tablename__ = "sessions"

    user_id: Mapped[Owner] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    created: Mapped[datetime]
    expiry: Mapped[datetime]


class RefreshToken(Base):
    """A refresh token of a session, stored as its SHA-256."""

    __tablename__ = "refresh_tokens"

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    session_id: Mapped[UUID]
    used: Mapped[datetime | None]
