"""Web Push endpoints of users."""

from sqlalchemy import Boolean, Column, Index, LargeBinary, Table, Text, Uuid, false, text

from server.libraries.database.schema.base import Timestamp, counter, metadata, owner

push_endpoints = Table(
    "push_endpoints",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("endpoint", Text, nullable=False),
    # The device's public key and its secret.
    Column("p256dh", LargeBinary, nullable=False),
    Column("auth", LargeBinary, nullable=False),
    Column("created", Timestamp, nullable=False),
    # NULL until the endpoint is confirmed.
    Column("confirmed", Timestamp),
    # The challenge, when it was made, how often it was pushed, and how many wrong ones were sent.
    Column("challenge", LargeBinary, nullable=False),
    Column("challenged", Timestamp, nullable=False),
    counter("challenges"),
    counter("wrong_challenges"),
    # The time of the next push, or the end of its lease while it is being sent; NULL if there is
    # none to send.
    Column("due", Timestamp),
    # A message has arrived since the last attempt began.
    Column("waiting", Boolean, nullable=False, server_default=false()),
    # The beginning of the last attempt, and of the last one that succeeded.
    Column("attempted", Timestamp),
    Column("pushed", Timestamp),
    # The failures since the last success, and the time of the first one.
    counter("failures"),
    Column("failing", Timestamp),
    Index(None, "due", postgresql_where=text("due IS NOT NULL")),
    Index(None, "challenged", postgresql_where=text("confirmed IS NULL")),
)
