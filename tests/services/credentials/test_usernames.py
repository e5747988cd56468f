"""Usernames: what may be one, which are the same, and claiming one later."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from grpc import StatusCode

from server.libraries.common.text import caseless
from server.programs.demo.transport import CallError
from tests.services.auth.accounts import claim, login, me, new_name, refusal, register
from tests.support.client import Client, User, error_info, event_of, follow, refused

# Pairs that are the same name.
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
# Pairs that are not.
DIFFERENT = {
    "dotless i": ("Ilgaz", "ılgaz"),
    "accent": ("Renee", "Renée"),
    "space": ("Ann Lee", "Ann  Lee"),
}

NO_NAMES = {
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


async def test_a_username_keeps_its_limits(client: Client) -> None:
    tokens = await client.login(await client.new_user())
    for name in NO_NAMES.values():
        with refused(StatusCode.INVALID_ARGUMENT, "username"):
            await register(client, name)
        with refused(StatusCode.INVALID_ARGUMENT, "username"):
            await claim(client, tokens, name)


async def test_a_name_that_is_taken_is_taken_in_every_spelling(
    one_client: Client, database: asyncpg.Connection
) -> None:
    owner, other = await one_client.new_user(), await one_client.new_user()
    tokens, others = await one_client.login(owner), await one_client.login(other)
    for kind, (taken, wanted) in SPELLINGS.items():
        suffix = uuid4().hex
        await _make_anonymous(owner, database)
        await claim(one_client, tokens, f"{taken} {suffix}")
        assert (await me(one_client, tokens)).username == f"{taken} {suffix}", kind
        for spelling in (f"{taken} {suffix}", f"{wanted} {suffix.upper()}"):
            expected = "ALREADY_EXISTS USERNAME_TAKEN"
            assert await refusal(register(one_client, spelling)) == expected, kind
            assert await refusal(claim(one_client, others, spelling)) == expected, kind


async def test_what_only_looks_alike_is_another_name(
    one_client: Client, database: asyncpg.Connection
) -> None:
    users = [await one_client.new_user() for _ in range(2)]
    sessions = [await one_client.login(user) for user in users]
    for names in DIFFERENT.values():
        suffix = uuid4().hex
        for user, tokens, name in zip(users, sessions, names, strict=True):
            await _make_anonymous(user, database)
            account = await claim(one_client, tokens, f"{name} {suffix}")
            assert account.username == f"{name} {suffix}"


@pytest.mark.parametrize(
    ("name", "namesake"),
    [("Ａｎｎ", "ＡＮＮ"), ("Griﬃn", "GRIFFIN"), ("an\u200bn", None), ("ann 🏋", None)],
)
async def test_a_name_from_before_goes_on_working_and_nobody_else_gets_it(
    one_client: Client, database: asyncpg.Connection, name: str, namesake: str | None
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


async def test_of_two_who_look_the_same_each_logs_in_by_their_own_name(
    client: Client, database: asyncpg.Connection
) -> None:
    old, new, suffix = await client.new_user(), await client.new_user(), uuid4().hex
    await _give_old_name(old, f"Ｂｏｂ {suffix}", database)
    await claim(client, await client.login(new), f"Bob {suffix}")
    for user, name in ((old, f"ＢＯＢ {suffix}"), (new, f"BOB {suffix}")):
        assert (await me(client, await login(client, name, user.password))).id == user.id


async def _give_old_name(user: User, name: str, database: asyncpg.Connection) -> None:
    """As the release before did, which compared names by less."""
    query = "UPDATE users SET username = $2, username_key = $3 WHERE id = $1"
    await database.execute(query, UUID(user.id), name, caseless(name))


async def _make_anonymous(user: User, database: asyncpg.Connection) -> None:
    query = "UPDATE users SET username = NULL, username_key = NULL WHERE id = $1"
    await database.execute(query, UUID(user.id))


@pytest.mark.parametrize("spelt", [str, str.upper], ids=["as it is", "in capitals"])
async def test_nobody_can_take_somebody_elses_lookup_for_a_name(
    one_client: Client, spelt: type[str]
) -> None:
    # Whoever has it logs in by it: a namesake would get in between.
    user, other = await one_client.new_user(), await one_client.new_user()
    tokens = await one_client.login(other)
    assert await refusal(claim(one_client, tokens, spelt(user.lookup))) == (
        "ALREADY_EXISTS USERNAME_TAKEN"
    )
    assert (await me(one_client, await login(one_client, user.lookup, user.password))).id == user.id


# --- ClaimUsername ---


async def test_one_who_was_anonymous_gets_a_name_and_keeps_everything(client: Client) -> None:
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


async def test_ones_own_name_can_be_spelt_otherwise_and_no_other_be_taken(client: Client) -> None:
    username = new_name("Zoë")
    tokens = await client.login(await client.new_user())
    for spelling in (username, username.upper(), username.upper()):
        assert (await claim(client, tokens, spelling)).username == spelling
    assert await refusal(claim(client, tokens, new_name())) == "ALREADY_EXISTS HAS_USERNAME"
    assert (await me(client, tokens)).username == username.upper()


async def test_of_two_who_claim_a_name_at_the_same_time_one_gets_it(client: Client) -> None:
    username = new_name()
    both = [await client.login(await client.new_user()) for _ in range(2)]
    results = await asyncio.gather(
        *[claim(client, tokens, username) for tokens in both], return_exceptions=True
    )
    [loser] = [result for result in results if isinstance(result, CallError)]
    assert (loser.code, error_info(loser).reason) == (StatusCode.ALREADY_EXISTS, "USERNAME_TAKEN")
