"""Rules for chosen passwords, and equality of their normalized forms."""

import unicodedata

import asyncpg
import pytest
from grpc import StatusCode

from server.errors import InvalidArgument
from server.services.credentials.password_policy import acceptable_password, normalized
from tests.services.auth.accounts import PASSWORD, change, login, me, new_name, register
from tests.services.credentials.calls import store_password
from tests.support.client import Client, refused

COMPOSED = unicodedata.normalize("NFC", "Überstützgeländer")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)

REJECTED = {
    "common": "password1",
    "common in capitals": "QWERTYUIOP",
    "common in full width": "ｐａｓｓｗｏｒｄ",
    "control character": "correct\thorse",
    "zero width space": "correct\u200bhorse",
    "8 code points, 4 characters": "e\u0301" * 4,
}


class TestAcceptablePassword:
    def test_error_names_the_field_as_in_json(self) -> None:
        with pytest.raises(InvalidArgument) as raised:
            acceptable_password("iloveyou", "new_password", None)
        assert raised.value.violations == [("new_password", raised.value.message)]
        assert raised.value.message.startswith("newPassword: must not be one of the most common")


class TestNormalized:
    def test_returns_ascii_unchanged(self) -> None:
        password = "b0c7a9e2-3f57-4a11-9d5e-0d2c1f6a7b88"
        assert normalized(password) is password


class TestChosenPassword:
    """Passwords of Register and ChangePassword."""

    async def test_rejects_common_or_untypable_password(self, client: Client) -> None:
        user = await client.new_user()
        tokens = await client.login(user)
        for password in REJECTED.values():
            with refused(StatusCode.INVALID_ARGUMENT, "password"):
                await register(client, new_name(), password)
            with refused(StatusCode.INVALID_ARGUMENT, "new_password"):
                await change(client, tokens, user.password, password)

    async def test_rejects_username_in_any_form(self, one_client: Client) -> None:
        name = new_name("Änne")
        for password in (name, name.upper(), unicodedata.normalize("NFD", name)):
            with refused(StatusCode.INVALID_ARGUMENT, "password"):
                await register(one_client, name, password)
        await register(one_client, name)
        tokens = await login(one_client, name)
        with refused(StatusCode.INVALID_ARGUMENT, "new_password"):
            await change(one_client, tokens, PASSWORD, name.upper())


class TestTypedPassword:
    """Passwords of Login."""

    async def test_accepts_every_composition_of_characters_and_spaces(
        self, one_client: Client
    ) -> None:
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
    async def test_accepts_unnormalized_password_of_older_releases(
        self, one_client: Client, database: asyncpg.Connection, old: str
    ) -> None:
        user = await one_client.created_user()
        await store_password(user, old, database)
        assert (await me(one_client, await login(one_client, user.id, old))).id == user.id
        with refused(StatusCode.UNAUTHENTICATED):
            await login(one_client, user.id, old + "x")
