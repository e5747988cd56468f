"""Usernames: which are valid, which are equal, and who may take one."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from grpc import StatusCode

from server.libraries.common.text import caseless
from server.programs.demo.transport import CallError
from tests.services.auth.accounts import claim, login, me, new_name, refusal, register
from tests.support.client import Client, User, error_info, event_of, follow, refused

# Pairs of equal usernames.
SPELLINGS = {
    "case": ("Anna Müller", "ANNA mÜLLER"),
    "sharp s": ("Straße", "STRASSE"),
    "capital sharp s": ("STRAẞE", "strasse"),
    "dotted capital I": ("İzmir", "i\u0307zmir"),
    "sigmas": ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
    "composed": ("Ren\u00e9e", "RENE\u0301E"),
    "order of marks": ("a\u0323\u0307b", "A\u0307\u0323B"),
    "Kelvin": ("\u212a2 Climber", "k2 climber"),
    "Ångström": ("\u212bse", "a\u030aSE"),
    "Cherokee": ("ᏣᎳᎩ", "ꮳꮃꭹ"),
    "full width": ("Ann", "ＡＮＮ"),
    "half width": ("カタカナ", "ｶﾀｶﾅ"),
}
# Pairs of different usernames.
DIFFERENT = {
    "dotless i": ("Ilgaz", "ılgaz"),
    "accent": ("Renee", "Renée"),
    "space": ("Ann Lee", "Ann  Lee"),
}

INVALID_USERNAMES = {
    "1 character": "a",
    "2 characters": "ab",
    "2 characters of 4 bytes": "🏋🏋",
    "65 characters": "a" * 65,
    "space before": " ann",
    "space after": "ann ",
    "no-break space after": "ann\u00a0",
    "wide space before": "\u3000ann",
    "line separator after": "ann\u2028",
    "line break after": "ann\n",
    "line break inside": "an\nn",
    "tab": "an\tn",
    "NUL": "an\0n",
    "delete": "an\x7fn",
    "C1 control": "an\x85n",
    "spaces": "    ",
    "zero width space": "an\u200bn",
    "zero width joiner": "an\u200dn",
    "zero width non-joiner": "an\u200cn",
    "word joiner": "an\u2060n",
    "byte order mark": "\ufeffann",
    "soft hyphen": "an\u00adn",
    "left-to-right mark": "ann\u200e",
    "right-to-left override": "\u202eann",
    "isolate": "\u2066ann\u2069",
    "both directions in a word": "1aא",
    "ligature": "Griﬃn",
    "Roman numeral": "henry\u2163",
    "symbol": "ann\u221e",
    "emoji": "ann🏋",
    "no-break space inside": "an\u00a0n",
    "surrogate's neighbour": "ann\uffff",
    "UUID in full width": "８a6e0804-2bd0-4672-b79d-d97027f9071a",
    "UUID": "8a6e0804-2bd0-4672-b79d-d97027f9071a",
    "UUID in capitals": "8A6E0804-2BD0-4672-B79D-D97027F9071A",
}


class TestUsernameRules:
    """Rules of Register and ClaimUsername."""

    async def test_rejects_invalid_username(self, client: Client) -> None:
        tokens = await client.login(await client.new_user())
        for name in INVALID_USERNAMES.values():
            with refused(StatusCode.INVALID_ARGUMENT, "username"):
                await register(client, name)
            with refused(StatusCode.INVALID_ARGUMENT, "username"):
                await claim(client, tokens, name)

    @pytest.mark.extended
    async def test_rejects_every_spelling_of_taken_username(
        self, one_client: Client, database: asyncpg.Connection
    ) -> None:
        owner, other = await one_client.new_user(), await one_client.new_user()
        tokens, others = await one_client.login(owner), await one_client.login(other)
        for kind, (taken, wanted) in SPELLINGS.items():
            suffix = uuid4().hex
            await _remove_username(owner, database)
            await claim(one_client, tokens, f"{taken} {suffix}")
            assert (await me(one_client, tokens)).username == f"{taken} {suffix}", kind
            for spelling in (f"{taken} {suffix}", f"{wanted} {suffix.upper()}"):
                expected = "ALREADY_EXISTS USERNAME_TAKEN"
                assert await refusal(register(one_client, spelling)) == expected, kind
                assert await refusal(claim(one_client, others, spelling)) == expected, kind

    async def test_accepts_similar_but_different_usernames(
        self, one_client: Client, database: asyncpg.Connection
    ) -> None:
        users = [await one_client.new_user() for _ in range(2)]
        sessions = [await one_client.login(user) for user in users]
        for names in DIFFERENT.values():
            suffix = uuid4().hex
            for user, tokens, name in zip(users, sessions, names, strict=True):
                await _remove_username(user, database)
                account = await claim(one_client, tokens, f"{name} {suffix}")
                assert account.username == f"{name} {suffix}"

    @pytest.mark.parametrize("spelt", [str, str.upper], ids=["as it is", "in capitals"])
    async def test_rejects_lookup_of_another_user(
        self, one_client: Client, spelt: type[str]
    ) -> None:
        # Its owner logs in by it, and must not reach the account of another user.
        user, other = await one_client.new_user(), await one_client.new_user()
        tokens = await one_client.login(other)
        assert await refusal(claim(one_client, tokens, spelt(user.lookup))) == (
            "ALREADY_EXISTS USERNAME_TAKEN"
        )
        assert (
            await me(one_client, await login(one_client, user.lookup, user.password))
        ).id == user.id


class TestOldUsername:
    """Usernames of older releases."""

    @pytest.mark.parametrize(
        ("name", "namesake"),
        [("Ａｎｎ", "ＡＮＮ"), ("Griﬃn", "GRIFFIN"), ("an\u200bn", None), ("ann 🏋", None)],
    )
    async def test_can_log_in_and_stays_taken(
        self, one_client: Client, database: asyncpg.Connection, name: str, namesake: str | None
    ) -> None:
        old, other = await one_client.new_user(), await one_client.new_user()
        suffix = uuid4().hex
        await _give_old_name(old, f"{name} {suffix}", database)
        for spelling in (name, name.upper(), name.lower()):
            tokens = await login(one_client, f"{spelling} {suffix}", old.password)
            assert (await me(one_client, tokens)).id == old.id
        others = await one_client.login(other)
        with pytest.raises(CallError):
            await claim(one_client, others, f"{name} {suffix}")
        if namesake:
            expected = "ALREADY_EXISTS USERNAME_TAKEN"
            assert await refusal(claim(one_client, others, f"{namesake} {suffix}")) == expected

    async def test_does_not_collide_with_similar_new_username(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        old, new, suffix = await client.new_user(), await client.new_user(), uuid4().hex
        await _give_old_name(old, f"Ｂｏｂ {suffix}", database)
        await claim(client, await client.login(new), f"Bob {suffix}")
        for user, name in ((old, f"ＢＯＢ {suffix}"), (new, f"BOB {suffix}")):
            assert (await me(client, await login(client, name, user.password))).id == user.id


class TestClaimUsername:
    async def test_anonymous_user_keeps_all_data(self, client: Client) -> None:
        user, username = await client.new_user(), new_name()
        secret = await client.new_secret(user)
        await client.events.PutEvent(event_of(user))
        tokens = await client.login(user)
        before = await me(client, tokens)
        assert not before.HasField("username")
        account = await claim(client, tokens, username)
        before.username = username
        assert account == before == await me(client, tokens)
        assert len((await client.feed(follow(user.id, secret))).events) == 1
        assert await me(client, await login(client, username.upper(), user.password)) == account

    async def test_accepts_other_spelling_of_own_username_only(self, client: Client) -> None:
        username = new_name("Zoë")
        tokens = await client.login(await client.new_user())
        for spelling in (username, username.upper(), username.upper()):
            assert (await claim(client, tokens, spelling)).username == spelling
        assert await refusal(claim(client, tokens, new_name())) == "ALREADY_EXISTS HAS_USERNAME"
        assert (await me(client, tokens)).username == username.upper()

    async def test_only_one_of_two_concurrent_calls_gets_the_username(self, client: Client) -> None:
        username = new_name()
        both = [await client.login(await client.new_user()) for _ in range(2)]
        results = await asyncio.gather(
            *[claim(client, tokens, username) for tokens in both], return_exceptions=True
        )
        [loser] = [result for result in results if isinstance(result, CallError)]
        assert (loser.code, error_info(loser).reason) == (
            StatusCode.ALREADY_EXISTS,
            "USERNAME_TAKEN",
        )


async def _give_old_name(user: User, name: str, database: asyncpg.Connection) -> None:
    """Store a username as releases with simpler keys did."""
    query = "UPDATE users SET username = $2, username_key = $3 WHERE id = $1"
    await database.execute(query, UUID(user.id), name, caseless(name))


async def _remove_username(user: User, database: asyncpg.Connection) -> None:
    query = "UPDATE users SET username = NULL, username_key = NULL WHERE id = $1"
    await database.execute(query, UUID(user.id))
