"""Gymlocker's SQL for contenders on bare asyncpg.

The statements are imported from the repositories, so that both always execute the same. Ordering
the arguments of one takes less than a microsecond.
"""

from server.services.auth.session_repository import _START as START_SESSION
from server.services.credentials.password_repository import _GET_PASSWORD as GET_PASSWORD
from server.services.event.read_statements import GET_EVENTS
from server.services.event.statements import PUT_EVENT
from server.services.inbox.statements import PUT_MESSAGE as PUT_INBOX
from server.services.inbox.statements import TAKE_MESSAGES as TAKE_INBOX
from server.services.user.statements import (
    GET_LOGIN_BY_ID,
    GET_LOGIN_BY_NAME,
    GET_USER,
    GET_USER_BY_LOOKUP,
    GET_USERS,
)

__all__ = [
    "GET_EVENTS",
    "GET_LOGIN_BY_ID",
    "GET_LOGIN_BY_NAME",
    "GET_PASSWORD",
    "GET_USER",
    "GET_USERS",
    "GET_USER_BY_LOOKUP",
    "MAX_BYTES",
    "PUT_EVENT",
    "PUT_INBOX",
    "START_SESSION",
    "TAKE_INBOX",
]

# The largest response of the server.
MAX_BYTES = 64 * 1024 * 1024
