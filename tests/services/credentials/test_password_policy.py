"""Passwords that people choose: which they may, and in which forms they are the same."""

import unicodedata
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode

from server.errors import InvalidArgument
from server.services.credentials.hashing import HashedPassword
from server.services.credentials.password_policy import new_password, prepared
from tests.services.auth.accounts import PASSWORD, change, login, me, new_name, register
from tests.support.client import Client, refused

COMPOSED = unicodedata.normalize("NFC", "Überstützgeländer")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)

REFUSED = {
    "common": "password1",
    "common in capitals": "QWERTYUIOP",
    "common in full width": "ｐａｓｓｗｏｒｄ",
    "control character": "correct\thorse",
    "zero width space": "correct\u200bhorse",
    "8 code points, 4 characters": "e\u0301" * 4,
}


async def test_a_password_that_is_guessed_first_is_refused(client: Client) -> None:
    user = await client.new_user()
    tokens = await client.login(user)
    for password in REFUSED.values():
        with refused(StatusCode.INVALID_ARGUMENT, "password"):
            await register(client, new_name(), password)
        with refused(StatusCode.INVALID_ARGUMENT, "new_password"):
            await change(client, tokens, user.password, password)


async def test_the_username_is_no_password_in_any_form(one_client: Client) -> None:
    name = new_name("Änne")
    for password in (name, name.upper(), unicodedata.normalize("NFD", name)):
        with refused(StatusCode.INVALID_ARGUMENT, "password"):
            await register(one_client, name, password)
    await register(one_client, name)
    tokens = await login(one_client, name)
    with refused(StatusCode.INVALID_ARGUMENT, "new_password"):
        await change(one_client, tokens, PASSWORD, name.upper())


def test_what_is_wrong_is_said_in_the_words_of_json() -> None:
    with pytest.raises(InvalidArgument) as raised:
        new_password("iloveyou", "new_password", None)
    assert raised.value.violations == [("new_password", raised.value.message)]
    assert raised.value.message.startswith("newPassword: is among the commonest")


async def test_how_a_device_composes_what_is_typed_does_not_matter(one_client: Client) -> None:
    for chosen, typed in ((COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)):
        name = new_name()
        account = await register(one_client, name, f"{chosen}\u00a0{chosen}")
        for form in (typed, chosen):
            for space in (" ", "\u3000"):
                tokens = await login(one_client, name, f"{form}{space}{form}")
                assert (await me(one_client, tokens)).id == account.id
        with refused(StatusCode.UNAUTHENTICATED):
            await login(one_client, name, chosen)


@pytest.mark.parametrize("old", [DECOMPOSED, "correct\u00a0horse", "tab\tand 🏋\ufe0f"])
async def test_a_password_hashed_before_is_accepted_as_it_was_typed(
    one_client: Client, database: asyncpg.Connection, old: str
) -> None:
    user = await one_client.created_user()
    hashed = HashedPassword.of(old)
    await database.execute(
        "UPDATE users SET hashed_password = $2, salt = $3 WHERE id = $1",
        UUID(user.id),
        hashed.key,
        hashed.salt,
    )
    assert (await me(one_client, await login(one_client, user.id, old))).id == user.id
    with refused(StatusCode.UNAUTHENTICATED):
        await login(one_client, user.id, old + "x")


def test_the_passwords_of_the_feed_cost_nothing_to_prepare() -> None:
    password = "b0c7a9e2-3f57-4a11-9d5e-0d2c1f6a7b88"
    assert prepared(password) is password
