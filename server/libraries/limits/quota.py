"""Quotas of one user, and the error beyond them."""

from datetime import timedelta

from sqlalchemy import ColumnElement, DateTime, bindparam, func, literal

from server.errors import ResourceExhausted

# Of events and shared items together.
MAX_BYTES = 64 * 1024 * 1024
# Ten years. A later expiry is capped.
MAX_LIFETIME = timedelta(days=3652)
# Waiting alone does not help: the caller has to delete something.
RETRY_AFTER = 3600


def capped_expiry(name: str) -> ColumnElement[object]:
    """Return the parameter `name`, a time, capped to MAX_LIFETIME from now."""
    wanted = bindparam(name, type_=DateTime(timezone=True))
    return func.least(wanted, func.now() + literal(MAX_LIFETIME))


def quota_exceeded(quota: str) -> ResourceExhausted:
    """Return the error for a user who stores too much; `quota` is how much they may store."""
    return ResourceExhausted(
        f"You have stored all that one user may: {quota}. Delete some, then try again.",
        reason="QUOTA_EXCEEDED",
        retry_after=RETRY_AFTER,
    )
