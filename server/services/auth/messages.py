"""Conversions of accounts, access keys and sessions to messages of the contract."""

from collections.abc import Iterable

from gymlocker.v2 import auth_pb2

from server.libraries.rpc.context import Caller
from server.libraries.rpc.conversions import set_time
from server.services.auth.access_keys import AccessKey
from server.services.auth.user_sessions import UserSession
from server.services.user.repository import Account


def account_message(account: Account) -> auth_pb2.Account:
    """Return the message of an account."""
    message = auth_pb2.Account(
        id=str(account.id),
        lookup=account.lookup,
        username=account.username,
        import_backups=account.import_backups,
    )
    set_time(message.created, account.created)
    return message


def new_key_message(stored: AccessKey, key: str) -> auth_pb2.CreateAccessKeyResponse:
    """Return the message of a new key, which holds the key itself."""
    message = auth_pb2.CreateAccessKeyResponse(
        id=str(stored.id), name=stored.name, scopes=stored.scopes, key=key
    )
    set_time(message.create_time, stored.created)
    if stored.expiry is not None:
        set_time(message.expire_time, stored.expiry)
    return message


def keys_message(keys: Iterable[AccessKey]) -> auth_pb2.ListAccessKeysResponse:
    """Return the message of a list of keys."""
    response = auth_pb2.ListAccessKeysResponse()
    for key in keys:
        message = response.access_keys.add(id=str(key.id), name=key.name, scopes=key.scopes)
        set_time(message.create_time, key.created)
        if key.expiry is not None:
            set_time(message.expire_time, key.expiry)
        if key.last_used is not None:
            set_time(message.last_used_time, key.last_used)
    return response


def sessions_message(
    sessions: Iterable[UserSession], caller: Caller
) -> auth_pb2.ListSessionsResponse:
    """Return the message of a caller's sessions."""
    response = auth_pb2.ListSessionsResponse()
    for session in sessions:
        message = response.sessions.add(
            id=str(session.id),
            current=session.id == caller.session_id,
            user_agent=session.user_agent,
        )
        set_time(message.create_time, session.created)
        set_time(message.last_used_time, session.last_used)
    return response
