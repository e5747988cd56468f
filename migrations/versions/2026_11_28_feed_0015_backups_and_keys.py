"""Backups, access keys, invitations, and identities without an account."""

import sqlalchemy as sa
from alembic import op

revision = "feed_0015"
down_revision = "feed_0014"
branch_labels = None
depends_on = None

Timestamp = sa.DateTime(timezone=True)

# Backups are also deleted with their user. Their objects are removed from the store afterwards.
RELEASE_OBJECT = """
CREATE FUNCTION release_backup_object() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE backup_objects SET unused = clock_timestamp()
    WHERE id = OLD.object_id
        AND NOT EXISTS (SELECT FROM backups WHERE object_id = OLD.object_id);
    RETURN NULL;
END $$
"""
RELEASED_OBJECT = """
CREATE TRIGGER release_backup_object AFTER DELETE ON backups
FOR EACH ROW EXECUTE FUNCTION release_backup_object()
"""


def _owner(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["user_id"], ["users.id"], name=f"fk_{table}_users_user_id", ondelete="CASCADE"
    )


def upgrade() -> None:
    """Add the tables and columns."""
    op.add_column("users", sa.Column("disabled", Timestamp))
    op.add_column(
        "users",
        sa.Column("import_backups", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("sessions", sa.Column("user_agent", sa.Text()))
    op.create_table(
        "identities",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_identities"),
        _owner("identities"),
    )
    op.create_index("ix_identities_user_id", "identities", ["user_id"])
    op.create_table(
        "access_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created", Timestamp, nullable=False),
        sa.Column("expiry", Timestamp),
        sa.Column("last_used", Timestamp),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_access_keys"),
        _owner("access_keys"),
    )
    op.create_index("ix_access_keys_hash", "access_keys", ["hash"], unique=True)
    op.create_table(
        "invitations",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created", Timestamp, nullable=False),
        sa.Column("expiry", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_invitations"),
    )
    op.create_index("ix_invitations_expiry", "invitations", ["expiry"])
    _create_backups()


def _create_backups() -> None:
    op.create_table(
        "backup_objects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary()),
        sa.Column("size", sa.BigInteger()),
        sa.Column("unused", Timestamp),
        sa.Column("doomed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("id", name="pk_backup_objects"),
    )
    op.create_index(
        "ix_backup_objects_unused",
        "backup_objects",
        ["unused"],
        postgresql_where=sa.text("unused IS NOT NULL"),
    )
    op.create_table(
        "backups",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created", Timestamp, nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("import_due", Timestamp),
        sa.Column("import_tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("import_problem", sa.Text()),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_backups"),
        _owner("backups"),
        sa.ForeignKeyConstraint(
            ["object_id"], ["backup_objects.id"], name="fk_backups_backup_objects_object_id"
        ),
    )
    op.create_index("ix_backups_user_id_created", "backups", ["user_id", "created"])
    op.create_index("ix_backups_object_id", "backups", ["object_id"])
    op.create_index(
        "ix_backups_import_due",
        "backups",
        ["import_due"],
        postgresql_where=sa.text("import_due IS NOT NULL"),
    )
    op.execute(RELEASE_OBJECT)
    op.execute(RELEASED_OBJECT)


def downgrade() -> None:
    """Drop them. The objects in the store stay."""
    op.drop_table("backups")
    op.execute("DROP FUNCTION release_backup_object()")
    for table in ("backup_objects", "invitations", "access_keys", "identities"):
        op.drop_table(table)
    op.drop_column("sessions", "user_agent")
    op.drop_column("users", "import_backups")
    op.drop_column("users", "disabled")
