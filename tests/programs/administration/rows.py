"""Rows that the commands read and change."""

from uuid import UUID, uuid4

from tests.programs.administration.conftest import Query

ADD_USER = """
INSERT INTO users (id, user_lookup, hashed_password, salt, last_accessed, created, encryption_iv,
                   rsa_public_key)
VALUES ($1, $2, '', '', '2026-02-07', '2026-02-07', '', '')
"""
ADD_OBJECT = """
INSERT INTO backup_objects (id, user_id, sha256, size, unused)
VALUES ($1, $2, $3, $4, CASE WHEN $3::bytea IS NULL THEN now() + interval '2 min' END)
"""
ADD_BACKUP = """
INSERT INTO backups (user_id, id, object_id, created)
VALUES ($1, $2, $3, timestamptz '2026-02-07' + $4 * interval '1 hour')
"""


def add_identity(query: Query, kind: str, name: str) -> UUID:
    """Add an identity without an account."""
    user_id = uuid4()
    query(ADD_USER, user_id, user_id.hex[:12])
    query("INSERT INTO identities VALUES ($1, $2, $3)", kind, name, user_id)
    return user_id


def add_object(query: Query, user_id: UUID | str, sha256: bytes | None, size: int = 4096) -> UUID:
    """Add the row of an object; without a hash, of an upload in progress."""
    object_id = uuid4()
    query(ADD_OBJECT, object_id, user_id, sha256, size)
    return object_id


def add_backup(query: Query, user_id: UUID | str, object_id: UUID, hour: int) -> UUID:
    """Add a backup that arrived in an hour of the day."""
    backup_id = uuid4()
    query(ADD_BACKUP, user_id, backup_id, object_id, hour)
    return backup_id
