"""What one user may store: figures, and the error beyond them."""

from datetime import timedelta

from sqlalchemy import ColumnElement, DateTime, bindparam, func, literal

from server.errors import ResourceExhausted

# Of events and shared items together.
MAX_BYTES = 64 * 1024 * 1024
# Ten years. An expiry beyond is cut.
MAX_LIFETIME = timedelta(days=3652)
# Waiting does not help by itself: the caller has to delete something.
RETRY_AFTER = 3600


def bounded_expiry(name: str) -> ColumnElement[object]:
    """Return the parameter `name`, a time, cut to MAX_LIFETIME from now."""
    wanted = bindparam(name, type_=DateTime(timezone=True))
    return func.least(wanted, func.now() + literal(MAX_LIFETIME))


def quota_exceeded(what: str) -> ResourceExhausted:
    """Return the error for a user who stores too much; `what` says of what, and how much it is."""
    return ResourceExhausted(
        f"You have stored all that one user may: {what}. Delete some, then try again.",
        reason="QUOTA_EXCEEDED",
        retry_after=RETRY_AFTER,
    )
