"""The metadata of all tables, and the columns that many of them have."""

from uuid import UUID

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    TextClause,
    Uuid,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

Timestamp = DateTime(timezone=True)


def owner(*, primary_key: bool = False) -> Column[UUID]:
    """Return the column of the user who owns a row, which is deleted with the user."""
    return Column(
        "user_id",
        Uuid,
        ForeignKey("users.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
        # A primary key that begins with the user needs no other index.
        index=not primary_key,
    )


def counter(name: str) -> Column[int]:
    """Return a column that counts, from 0."""
    return Column(name, Integer, nullable=False, server_default="0")


def record_index(column: str, holds: str, *ties: TextClause) -> Index:
    """Return the index of an exercise's sessions by a figure, highest first, then by date."""
    return Index(
        f"ix_exercise_sessions_{column}",
        "user_id",
        "name_key",
        text(f"{column} DESC"),
        *ties,
        "date",
        postgresql_where=text(holds),
    )
