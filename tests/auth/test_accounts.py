"""Accounts: registering, logging in and out, passwords, usernames, and the feed by token.

A hash costs a quarter of a second. What needs one runs over gRPC alone; the rest over every way to
call, with users who are handed on.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import nullcontext
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from grpc import StatusCode
from gymlocker.v2 import auth_pb2, inbox_pb2, user_pb2

from server.auth.repository import MOST_SESSIONS
from server.demo.transport import CallError, GrpcTransport, Metadata, channel_over
from tests.feed.client import (
    Client,
    User,
    bearer,
    error_info,
    event_of,
    follow,
    nobody,
    refused,
    with_password,
)
from tests.feed.rest import error_of
from tests.feed.users import UserPool
from tests.house import House

PASSWORD = "correct horse"
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
    "ligature": ("Griﬃn", "GRIFFIN"),
    "Cherokee": ("ᏣᎳᎩ", "ꮳꮃꭹ"),
}
# Pairs that are not.
DIFFERENT = {
    "dotless i": ("Ilgaz", "ılgaz"),
    "accent": ("Renee", "Renée"),
    "space": ("Ann Lee", "Ann  Lee"),
    "full width": ("Ann", "Ａｎｎ"),
}
NO_PASSWORDS = ("", "seven77", "é" * 129, "password\0")
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
    "UUID": "8a6e0804-2bd0-4672-b79d-d97027f9071a",
    "UUID in capitals": "8A6E0804-2BD0-4672-B79D-D97027F9071A",
}


@pytest.fixture
async def one_client(
    house: House, user_pool: UserPool, database: asyncpg.Connection
) -> AsyncIterator[Client]:
    """The stubs over gRPC alone."""
    transport, taken = GrpcTransport(house.url), list[User]()
    channel = channel_over(transport)

    async def user() -> User:
        taken.append(await user_pool.take(database, Client(channel).created_user))
        return taken[-1]

    yield Client(channel, user)
    user_pool.give_back(taken)
    await transport.close()


def new_name(start: str = "Ann") -> str:
    """A username that nobody has, in mixed case."""
    return f"{start} {uuid4().hex}"


async def register(client: Client, username: str, password: str = PASSWORD) -> auth_pb2.Account:
    return await client.accounts.Register(
        auth_pb2.RegisterRequest(username=username, password=password)
    )


async def login(client: Client, username: str, password: str = PASSWORD) -> auth_pb2.Tokens:
    return await client.accounts.Login(auth_pb2.LoginRequest(username=username, password=password))


async def refresh(client: Client, tokens: auth_pb2.Tokens) -> auth_pb2.Tokens:
    return await client.accounts.RefreshToken(
        auth_pb2.RefreshTokenRequest(refresh_token=tokens.refresh_token)
    )


async def logout(client: Client, refresh_token: str) -> None:
    await client.accounts.Logout(auth_pb2.LogoutRequest(refresh_token=refresh_token))


async def me(client: Client, tokens: auth_pb2.Tokens) -> auth_pb2.Account:
    return await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(tokens))


async def claim(client: Client, tokens: auth_pb2.Tokens, username: str) -> auth_pb2.Account:
    return await client.accounts.ClaimUsername(
        auth_pb2.ClaimUsernameRequest(username=username), metadata=bearer(tokens)
    )


async def change(client: Client, tokens: auth_pb2.Tokens, until_now: str, from_now: str) -> None:
    await client.accounts.ChangePassword(
        auth_pb2.ChangePasswordRequest(current_password=until_now, new_password=from_now),
        metadata=bearer(tokens),
    )


async def assert_dead(client: Client, *sessions: auth_pb2.Tokens) -> None:
    """Neither of the tokens is good for anything."""
    for tokens in sessions:
        with refused(StatusCode.UNAUTHENTICATED):
            await me(client, tokens)
        with refused(StatusCode.UNAUTHENTICATED):
            await refresh(client, tokens)


async def refusal(call: object) -> str:
    """The reason for which a call is refused."""
    with pytest.raises(CallError) as raised:
        await call  # type: ignore[misc]
    return f"{raised.value.code.name} {error_info(raised.value).reason}"


# --- Register ---


async def test_who_registers_can_log_in_at_once_by_any_of_their_names(one_client: Client) -> None:
    username = new_name("Änne")
    account = await register(one_client, username)
    assert account.username == username
    assert len(account.lookup) == 12
    for name in (username, username.upper(), account.lookup, account.id, account.id.upper()):
        assert await me(one_client, await login(one_client, name)) == account
    assert (await one_client.profile(account.lookup)).id == account.id


async def test_a_username_keeps_its_limits(client: Client) -> None:
    tokens = await client.login(await client.new_user())
    for name in NO_NAMES.values():
        with refused(StatusCode.INVALID_ARGUMENT, "username"):
            await register(client, name)
        with refused(StatusCode.INVALID_ARGUMENT, "username"):
            await claim(client, tokens, name)


async def test_a_password_that_is_chosen_keeps_its_limits(client: Client) -> None:
    user = await client.new_user()
    tokens = await client.login(user)
    for password in NO_PASSWORDS:
        with refused(StatusCode.INVALID_ARGUMENT, "password"):
            await register(client, new_name(), password)
        with refused(StatusCode.INVALID_ARGUMENT, "new_password"):
            await change(client, tokens, user.password, password)


@pytest.mark.parametrize(("characters", "password"), [(3, "8 bytes."), (64, "ü" * 128)])
async def test_names_and_passwords_may_be_as_short_and_as_long_as_that(
    one_client: Client, characters: int, password: str
) -> None:
    # Characters, not bytes, nor halves of UTF-16.
    username = "".join(chr(random.randint(0x20000, 0x2A000)) for _ in range(characters))
    await register(one_client, username, password)
    account = await me(one_client, await login(one_client, username, password))
    assert account.username == username


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


async def _make_anonymous(user: User, database: asyncpg.Connection) -> None:
    query = "UPDATE users SET username = NULL, username_key = NULL WHERE id = $1"
    await database.execute(query, UUID(user.id))


async def test_over_http_a_taken_name_is_a_conflict(rest: httpx2.AsyncClient) -> None:
    body = {"username": new_name(), "password": PASSWORD}
    account = (await rest.post("/auth/register", json=body)).json()
    assert account.keys() == {"id", "lookup", "username", "created"}
    error = error_of(await rest.post("/v2/auth/register", json=body), 409)
    assert error["details"][0]["reason"] == "USERNAME_TAKEN"


async def test_of_two_who_register_a_name_at_the_same_time_one_gets_it(one_client: Client) -> None:
    username = new_name()
    results = await asyncio.gather(
        register(one_client, username), register(one_client, username.upper()),
        return_exceptions=True,
    )  # fmt: skip
    [winner] = [result for result in results if isinstance(result, auth_pb2.Account)]
    [loser] = [result for result in results if isinstance(result, CallError)]
    assert (loser.code, error_info(loser).reason) == (StatusCode.ALREADY_EXISTS, "USERNAME_TAKEN")
    assert await me(one_client, await login(one_client, username)) == winner


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


# --- Login ---


async def test_a_wrong_password_and_an_unknown_name_look_the_same(
    one_client: Client, rest: httpx2.AsyncClient
) -> None:
    user = await one_client.new_user()
    bodies = []
    for name, password in ((user.id, "wrong"), (new_name(), user.password), (nobody().id, "x")):
        response = await rest.post("/auth/login", json={"username": name, "password": password})
        bodies.append(error_of(response, 401))
        assert response.headers["www-authenticate"] == 'Bearer realm="gymlocker"'
    assert bodies[0] == bodies[1] == bodies[2]
    errors = []
    for name in (user.id, new_name()):
        with pytest.raises(CallError) as raised:
            await login(one_client, name, "wrong")
        errors.append((raised.value.message, raised.value.details))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("path", ["/auth/login", "/v2/auth/login"])
async def test_tokens_are_spelt_as_oauth_spells_them(
    one_client: Client, rest: httpx2.AsyncClient, path: str
) -> None:
    user = await one_client.new_user()
    response = await rest.post(path, json={"username": user.lookup, "password": user.password})
    first = response.json()
    again = await rest.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    for tokens in (first, again.json()):
        assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
        assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
        assert tokens["access_token"].count(".") == 2


async def test_one_who_has_no_username_has_none_in_json(
    one_client: Client, rest: httpx2.AsyncClient
) -> None:
    tokens = await one_client.login(await one_client.new_user())
    account = (await rest.get("/auth/me", headers=dict(bearer(tokens)))).json()
    assert account.keys() == {"id", "lookup", "created"}


# --- RefreshToken ---


async def test_refreshing_goes_on_with_the_session(client: Client) -> None:
    user = await client.new_user()
    first = await client.login(user)
    second = await refresh(client, first)
    third = await refresh(client, second)
    assert len({tokens.refresh_token for tokens in (first, second, third)}) == 3
    # An access token is good for as long as it says, and the session goes on.
    for tokens in (first, second, third):
        assert (await me(client, tokens)).id == user.id


async def test_a_refresh_token_that_comes_back_ends_its_session_and_no_other(
    client: Client,
) -> None:
    user = await client.new_user()
    other = await client.login(user)
    first = await client.login(user)
    second = await refresh(client, first)
    assert await refusal(refresh(client, first)) == "UNAUTHENTICATED INVALID_REFRESH_TOKEN"
    await assert_dead(client, first, second)
    assert (await me(client, other)).id == user.id
    assert (await me(client, await refresh(client, other))).id == user.id


async def test_of_two_who_refresh_at_the_same_time_one_at_most_succeeds_and_the_session_ends(
    client: Client,
) -> None:
    tokens = await client.login(await client.new_user())
    results = await asyncio.gather(
        *[refresh(client, tokens) for _ in range(2)], return_exceptions=True
    )
    errors = [result for result in results if isinstance(result, CallError)]
    assert {error.code for error in errors} == {StatusCode.UNAUTHENTICATED}
    winners = [result for result in results if isinstance(result, auth_pb2.Tokens)]
    assert len(winners) + len(errors) == 2
    await assert_dead(client, tokens, *winners)


async def test_an_unknown_refresh_token_gives_nothing(client: Client) -> None:
    for token in ("unknown", "ключ", "x" * 100, "\0"):
        with refused(StatusCode.UNAUTHENTICATED):
            await refresh(client, auth_pb2.Tokens(refresh_token=token))


async def test_an_access_token_is_no_refresh_token(client: Client) -> None:
    tokens = await client.login(await client.new_user())
    with pytest.raises(CallError):
        await refresh(client, auth_pb2.Tokens(refresh_token=tokens.access_token))
    with refused(StatusCode.UNAUTHENTICATED):
        await refresh(client, auth_pb2.Tokens(refresh_token=tokens.access_token[:100]))


async def test_a_session_ends_when_it_was_not_used_for_long(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    tokens = await client.login(user)
    await database.execute("UPDATE sessions SET expiry = now() WHERE user_id = $1", UUID(user.id))
    await assert_dead(client, tokens)


async def test_refreshing_prolongs_the_session(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    tokens = await client.login(user)
    soon = "UPDATE sessions SET expiry = now() + interval '1 minute' WHERE user_id = $1"
    await database.execute(soon, UUID(user.id))
    await refresh(client, tokens)
    left = "SELECT expiry > now() + interval '29 days' FROM sessions WHERE user_id = $1"
    assert await database.fetchval(left, UUID(user.id))


async def test_the_database_knows_no_refresh_token(
    one_client: Client, database: asyncpg.Connection
) -> None:
    user = await one_client.new_user()
    tokens = await one_client.login(user)
    rows = await database.fetch("SELECT * FROM refresh_tokens WHERE user_id = $1", UUID(user.id))
    [stored] = [row["hash"] for row in rows]
    assert len(stored) == 32
    with refused(StatusCode.UNAUTHENTICATED):
        await refresh(one_client, auth_pb2.Tokens(refresh_token=stored.hex()))
    assert tokens.refresh_token not in repr(rows)


# --- Logout ---


async def test_logging_out_ends_the_session_and_no_other(client: Client) -> None:
    user = await client.new_user()
    other, tokens = await client.login(user), await client.login(user)
    # Twice: once more is no error.
    await logout(client, tokens.refresh_token)
    await logout(client, tokens.refresh_token)
    await assert_dead(client, tokens)
    assert (await me(client, other)).id == user.id


async def test_a_used_refresh_token_logs_out_as_well(client: Client) -> None:
    first = await client.login(await client.new_user())
    second = await refresh(client, first)
    await logout(client, first.refresh_token)
    await assert_dead(client, second)


async def test_logging_out_of_a_session_that_never_was_is_no_error(client: Client) -> None:
    await logout(client, "unknown")


# --- ChangePassword ---


async def test_a_new_password_replaces_the_old_one_and_ends_every_session(
    one_client: Client,
) -> None:
    user = await one_client.new_user()
    sessions = [await one_client.login(user) for _ in range(2)]
    await change(one_client, sessions[0], user.password, PASSWORD)
    await assert_dead(one_client, *sessions)
    with refused(StatusCode.UNAUTHENTICATED):
        await one_client.login(user)
    with refused(StatusCode.UNAUTHENTICATED):
        await one_client.take_messages(user)
    changed = with_password(user, PASSWORD)
    assert (await me(one_client, await one_client.login(changed))).id == user.id
    assert await one_client.take_messages(changed) == []


async def test_a_wrong_current_password_changes_nothing(
    one_client: Client, rest: httpx2.AsyncClient
) -> None:
    user = await one_client.new_user()
    tokens = await one_client.login(user)
    response = await rest.post(
        "/auth/change-password",
        json={"currentPassword": "wrong password", "newPassword": PASSWORD},
        headers=dict(bearer(tokens)),
    )
    assert error_of(response, 401)["details"][0]["reason"] == "WRONG_PASSWORD"
    assert (await me(one_client, await refresh(one_client, tokens))).id == user.id
    await one_client.login(user)


async def test_no_session_of_the_old_password_outlives_a_change(
    one_client: Client, database: asyncpg.Connection
) -> None:
    user = await one_client.new_user()
    tokens, started = await one_client.login(user), list[auth_pb2.Tokens]()

    async def log_in_until_refused() -> None:
        with refused(StatusCode.UNAUTHENTICATED):
            while True:
                started.append(await one_client.login(user))

    await asyncio.gather(
        change(one_client, tokens, user.password, PASSWORD),
        *[log_in_until_refused() for _ in range(10)],
    )
    assert len(started) >= 10
    assert await _sessions(user, database) == 0
    await assert_dead(one_client, tokens, started[0], started[-1])


async def test_no_session_that_is_being_refreshed_outlives_a_change(
    one_client: Client, database: asyncpg.Connection
) -> None:
    user = await one_client.new_user()
    tokens = await one_client.login(user)

    async def refresh_until_refused() -> None:
        newest = await one_client.login(user)
        with refused(StatusCode.UNAUTHENTICATED):
            while True:
                newest = await refresh(one_client, newest)

    refreshing = [asyncio.create_task(refresh_until_refused()) for _ in range(10)]
    await change(one_client, tokens, user.password, PASSWORD)
    await asyncio.gather(*refreshing)
    assert await _sessions(user, database) == 0


async def test_of_two_changes_at_the_same_time_one_counts(one_client: Client) -> None:
    user = await one_client.new_user()
    tokens = await one_client.login(user)
    passwords = ["first password", "second password"]
    results = await asyncio.gather(
        *[change(one_client, tokens, user.password, password) for password in passwords],
        return_exceptions=True,
    )
    [loser] = [result for result in results if isinstance(result, CallError)]
    assert loser.code == StatusCode.UNAUTHENTICATED
    await login(one_client, user.id, passwords[results.index(None)])


async def _sessions(user: User, database: asyncpg.Connection) -> int:
    query = "SELECT count(*) FROM sessions WHERE user_id = $1"
    count: int = await database.fetchval(query, UUID(user.id))
    return count


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


# --- The feed with a token ---


async def test_an_account_publishes_with_its_token_alone(client: Client) -> None:
    user = await client.new_user()
    secret = await client.new_secret(user)
    metadata = bearer(await client.login(user))
    await client.events.PutEvent(event_of(with_password(user, "")), metadata=metadata)
    assert len((await client.feed(follow(user.id, secret))).events) == 1


async def test_a_token_opens_nobody_elses_feed_not_even_with_the_password(client: Client) -> None:
    user, other = await client.new_user(), await client.new_user()
    metadata = bearer(await client.login(other))
    for password in ("", user.password):
        with refused(StatusCode.UNAUTHENTICATED):
            await _take_messages(client, with_password(user, password), metadata)


async def test_with_a_token_the_password_is_not_looked_at(client: Client) -> None:
    user = await client.new_user()
    metadata = bearer(await client.login(user))
    await _take_messages(client, with_password(user, "wrong password"), metadata)


async def test_credentials_for_a_proxy_do_not_disturb_the_password(client: Client) -> None:
    user = await client.new_user()
    for value in ("Basic cHJveHk6cGFzc3dvcmQ=", "", "Digest username=proxy"):
        await _take_messages(client, user, [("authorization", value)])


async def test_calls_that_anybody_may_make_do_not_look_at_a_token(client: Client) -> None:
    user = await client.new_user()
    request = user_pb2.GetUserRequest(id_or_lookup=user.id)
    profile = await client.users.GetUser(request, metadata=[("authorization", "Bearer nonsense")])
    assert profile.id == user.id


async def test_deleting_a_user_ends_their_sessions(client: Client) -> None:
    user = await client.created_user()
    tokens, other = await client.login(user), await client.login(user)
    await client.users.DeleteUser(user_pb2.DeleteUserRequest(id=user.id), metadata=bearer(tokens))
    await assert_dead(client, tokens, other)
    with refused(StatusCode.NOT_FOUND):
        await client.profile(user.id)


async def _take_messages(client: Client, user: User, metadata: Metadata) -> None:
    await client.inbox.GetInboxMessages(
        inbox_pb2.GetInboxMessagesRequest(user_id=user.id, password=user.password),
        metadata=metadata,
    )


async def test_the_oldest_session_ends_when_there_are_too_many(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    first, second = await client.login(user), await client.login(user)
    await database.execute(
        "INSERT INTO sessions (user_id, id, created, expiry) SELECT $1, gen_random_uuid(), now(),"
        " now() + interval '1 day' FROM generate_series(1, $2)",
        UUID(user.id),
        MOST_SESSIONS - 2,
    )
    newest = await client.login(user)
    for tokens, code in ((first, StatusCode.UNAUTHENTICATED), (second, None), (newest, None)):
        with refused(code) if code else nullcontext():
            await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(tokens))
