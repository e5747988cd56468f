"""Times in UTC, and their text."""

from datetime import UTC, datetime


def in_utc(time: datetime) -> datetime:
    """Return a time in UTC; one without a zone is in UTC already.

    asyncpg returns PostgreSQL's infinities as the first and the last time of Python, without a
    zone. LiftLog's server stores such times.
    """
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def rfc3339(time: datetime) -> str:
    """Return a time as text, such as 2026-11-28T09:00:00Z."""
    return in_utc(time).isoformat().replace("+00:00", "Z")
