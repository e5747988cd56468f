"""Settings of signing keys, and the tokens and errors that follow from them."""

from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest

from server.errors import StartError, Unauthenticated
from server.libraries.rpc.context import Caller
from server.libraries.settings import TokenSettings
from server.services.auth.signing_keys import load_keys
from server.services.auth.tokens import AccessTokens

OLD, NEW = "c1d96a70f35e82b40f7ad8e3259b61c4", "7b20e9f4a86d13c5d05fb871ea3c9246"

CALLER = Caller(uuid4(), uuid4())
# In invalid key files, and in the password of an encrypted one. No error may contain it.
CANARY = "canary"


def settings(**values: object) -> TokenSettings:
    return TokenSettings.model_validate(values)


def secret(key: str, *previous: str) -> TokenSettings:
    return settings(jwt_secret_key=key, jwt_previous_secret_keys=",".join(previous))


def pair(algorithm: str, file: Path, *previous: Path) -> TokenSettings:
    return settings(
        jwt_algorithm=algorithm,
        jwt_private_key_file=file,
        jwt_previous_key_files=", ".join(map(str, previous)),
    )


@cache
def tokens_of(settings: TokenSettings) -> AccessTokens:
    return AccessTokens(
        load_keys(settings), issuer="gymlocker", audience="gymlocker", lifetime_seconds=60
    )


def error_of(settings: TokenSettings) -> str:
    """Return the error of a worker that does not start, which is a single line."""
    with pytest.raises(StartError) as raised:
        load_keys(settings)
    text = str(raised.value)
    assert "\n" not in text
    assert CANARY not in text
    return text


def rejects(tokens: AccessTokens, token: str) -> bool:
    """Return whether a token is rejected as invalid."""
    try:
        tokens.verify(token)
    except Unauthenticated as error:
        return error.reason == "INVALID_ACCESS_TOKEN"
    return False
