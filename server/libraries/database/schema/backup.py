"""Backups: entries, and the objects in the store that hold their contents."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    false,
    text,
)

from server.libraries.database.schema.base import Timestamp, counter, metadata, owner

# An object in the store, recorded before it is written there and until it is removed from there.
# Deleting a user therefore does not delete its rows.
backup_objects = Table(
    "backup_objects",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    # The SHA-256 and the size of the contents as they arrived. NULL during the upload.
    Column("sha256", LargeBinary),
    Column("size", BigInteger),
    # The time from which the object may be removed; NULL while a backup uses it. During an upload
    # it is a moment ahead and is moved on. A trigger sets it when the last backup is deleted.
    Column("unused", Timestamp),
    # The object is being removed: no backup may use it any more.
    Column("doomed", Boolean, nullable=False, server_default=false()),
    Index(None, "unused", postgresql_where=text("unused IS NOT NULL")),
)

backups = Table(
    "backups",
    metadata,
    owner(primary_key=True),
    Column("id", Uuid, primary_key=True),
    # In the order of arrival, also if the clock is set back.
    Column("created", Timestamp, nullable=False),
    Column("object_id", Uuid, ForeignKey("backup_objects.id"), nullable=False, index=True),
    # The time of the next attempt to import it into the training log; NULL if there is none.
    Column("import_due", Timestamp),
    counter("import_tries"),
    # The reason why the last attempt failed.
    Column("import_problem", Text),
    Index(None, "user_id", "created"),
    Index(None, "import_due", postgresql_where=text("import_due IS NOT NULL")),
)
