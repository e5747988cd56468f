"""Credentials in headers: which of several counts, and which are refused."""

import asyncpg
import pytest
from gymlocker.v2.options_pb2 import Authentication

from server.libraries.database.pool import Database
from server.libraries.rpc.context import Caller
from tests.services.auth.door import (
    ACCOUNT,
    BACKUP,
    PROXY,
    SHARED,
    STALE_TOKEN,
    TOKEN,
    WORKOUTS,
    Door,
    forwarded,
)
from tests.services.system.rows import add_user


@pytest.fixture
async def door(pool: Database, connection: asyncpg.Connection) -> Door:
    return Door(pool, await add_user(connection, "0 days"))


class TestApiKey:
    async def test_names_the_owner_of_the_key(self, door: Door) -> None:
        key = await door.key("backup")
        caller = await door.caller(BACKUP, key)
        assert caller is not None
        assert (caller.user_id, caller.session_id, caller.has_account) == (door.person, None, True)
        assert door.used == {(door.person, caller.key_id)}
        assert door.touched == {door.person}

    @pytest.mark.parametrize("scope", ["backup", "backup.write"])
    async def test_needs_one_of_the_scopes(self, door: Door, scope: str) -> None:
        assert await door.caller(BACKUP, await door.key("planner", scope))

    @pytest.mark.parametrize("rule", [WORKOUTS, ACCOUNT], ids=["other scope", "no scopes"])
    @pytest.mark.parametrize("authorization", [(), (TOKEN,)], ids=["alone", "good token"])
    async def test_without_the_scope_is_refused_whatever_is_beside_it(
        self, door: Door, rule: Authentication, authorization: tuple[str, ...]
    ) -> None:
        key = await door.key("backup", "planner")
        refusal = await door.refusal(rule, key, authorization=authorization)
        assert refusal == "PermissionDenied SCOPE_MISSING"
        assert (door.used, door.failures.counted) == (set(), 0)

    async def test_wins_over_a_good_token(self, door: Door) -> None:
        caller = await door.caller(BACKUP, await door.key("backup"), authorization=[TOKEN])
        assert caller is not None and caller.user_id == door.person

    async def test_shared_key_wins_over_a_good_token(self, door: Door) -> None:
        caller = await door.caller(BACKUP, SHARED, authorization=[TOKEN])
        assert caller is not None and not caller.has_account

    async def test_second_key_counts_if_the_first_is_wrong(self, door: Door) -> None:
        caller = await door.caller(BACKUP, "wrong", await door.key("backup"))
        assert caller is not None and caller.user_id == door.person
        assert door.failures.counted == 0

    async def test_third_key_is_not_read(self, door: Door) -> None:
        refusal = await door.refusal(BACKUP, "wrong", "also wrong", await door.key("backup"))
        assert refusal == "Unauthenticated INVALID_API_KEY"
        assert door.failures.counted == 2

    @pytest.mark.parametrize("key", ["wrong", "glk_", f"glk_{'a' * 43}", SHARED + "x", "ключ"])
    async def test_wrong_one_is_counted(self, door: Door, key: str) -> None:
        assert await door.refusal(BACKUP, key) == "Unauthenticated INVALID_API_KEY"
        assert door.failures.counted == 1

    async def test_too_many_wrong_ones_are_refused(self, door: Door) -> None:
        door.failures.used_up = True
        assert await door.refusal(BACKUP, "wrong") == "ResourceExhausted TOO_MANY_API_KEYS"
        assert await door.caller(BACKUP, await door.key("backup"))

    async def test_wrong_one_beside_a_good_token_is_not_counted(self, door: Door) -> None:
        door.failures.used_up = True
        assert await door.caller(WORKOUTS, "wrong", authorization=[TOKEN]) == door.tokens.caller
        assert door.failures.counted == 0

    async def test_wrong_one_beside_a_bad_token_gets_the_error_of_the_token(
        self, door: Door
    ) -> None:
        refusal = await door.refusal(WORKOUTS, "wrong", authorization=[STALE_TOKEN])
        assert refusal == "Unauthenticated INVALID_ACCESS_TOKEN"
        assert door.failures.counted == 1

    async def test_wrong_one_beside_another_scheme_is_counted(self, door: Door) -> None:
        refusal = await door.refusal(WORKOUTS, "wrong", authorization=["Basic cHJveHk="])
        assert refusal == "Unauthenticated INVALID_API_KEY"

    async def test_shared_key_is_wrong_where_it_is_no_alternative(self, door: Door) -> None:
        assert await door.refusal(WORKOUTS, SHARED) == "Unauthenticated INVALID_API_KEY"
        # Apps send it with every call, which is no attempt to guess it.
        assert door.failures.counted == 0
        assert await door.caller(WORKOUTS, SHARED, authorization=[TOKEN]) == door.tokens.caller

    @pytest.mark.parametrize("key", ["", " "])
    async def test_blank_one_is_none(self, door: Door, key: str) -> None:
        assert await door.caller(BACKUP, key) is None
        assert await door.caller(BACKUP, key, authorization=[TOKEN]) == door.tokens.caller


class TestEndedKey:
    @pytest.mark.parametrize("authorization", [(), (TOKEN,)], ids=["alone", "good token"])
    async def test_of_a_disabled_user_is_refused(
        self, door: Door, connection: asyncpg.Connection, authorization: tuple[str, ...]
    ) -> None:
        key = await door.key("backup")
        await connection.execute("UPDATE users SET disabled = now()")
        refusal = await door.refusal(BACKUP, key, authorization=authorization)
        assert refusal == "PermissionDenied ACCOUNT_DISABLED"

    @pytest.mark.parametrize(
        "end",
        [
            "DELETE FROM access_keys",
            "DELETE FROM users",
            "UPDATE access_keys SET expiry = clock_timestamp()",
        ],
        ids=["deleted", "user deleted", "expired"],
    )
    async def test_is_unknown(self, door: Door, connection: asyncpg.Connection, end: str) -> None:
        key = await door.key("backup")
        assert await door.caller(BACKUP, key)
        await connection.execute(end)
        assert await door.refusal(BACKUP, key) == "Unauthenticated INVALID_API_KEY"
        assert await door.caller(BACKUP, key, authorization=[TOKEN]) == door.tokens.caller

    async def test_with_a_later_expiry_is_valid(
        self, door: Door, connection: asyncpg.Connection
    ) -> None:
        key = await door.key("backup")
        await connection.execute("UPDATE access_keys SET expiry = now() + interval '1 minute'")
        assert await door.caller(BACKUP, key)


class TestBearerKey:
    async def test_is_accepted(self, door: Door) -> None:
        caller = await door.caller(BACKUP, authorization=[f"Bearer {await door.key('backup')}"])
        assert caller is not None and caller.user_id == door.person

    async def test_without_the_scope_is_refused(self, door: Door) -> None:
        authorization = [f"bearer {await door.key('backup')}"]
        refusal = await door.refusal(ACCOUNT, authorization=authorization)
        assert refusal == "PermissionDenied SCOPE_MISSING"

    async def test_wrong_one_is_counted(self, door: Door) -> None:
        refusal = await door.refusal(BACKUP, authorization=[f"Bearer glk_{'a' * 43}"])
        assert (refusal, door.failures.counted) == ("Unauthenticated INVALID_API_KEY", 1)

    async def test_shared_key_is_none(self, door: Door) -> None:
        refusal = await door.refusal(BACKUP, authorization=[f"Bearer {SHARED}"])
        assert refusal == "Unauthenticated INVALID_ACCESS_TOKEN"

    async def test_repeated_header_is_refused(self, door: Door) -> None:
        key = f"Bearer {await door.key('backup')}"
        refusal = await door.refusal(BACKUP, authorization=[key, key])
        assert refusal == "Unauthenticated INVALID_ACCESS_TOKEN"


class TestSharedKey:
    async def test_has_one_identity_made_at_first_use(
        self, door: Door, connection: asyncpg.Connection
    ) -> None:
        first = await door.caller(BACKUP, SHARED)
        assert first is not None and first == await door.caller(BACKUP, SHARED)
        assert (first.has_account, first.key_id, first.session_id) == (False, None, None)
        row = await connection.fetchrow(
            "SELECT username, hashed_password FROM users WHERE id = $1", first.user_id
        )
        assert tuple(row or ()) == (None, "")

    async def test_identity_can_be_disabled(
        self, door: Door, connection: asyncpg.Connection
    ) -> None:
        await door.caller(BACKUP, SHARED)
        await connection.execute("UPDATE users SET disabled = now()")
        assert await door.refusal(BACKUP, SHARED) == "PermissionDenied ACCOUNT_DISABLED"


class TestForwardedUser:
    async def test_is_one_identity_for_each_name_exactly_as_sent(self, door: Door) -> None:
        names = ["ann", "Ann", "bob@example.com", "uid=ann,ou=people", "default", "x" * 256]
        callers = [await door.caller(BACKUP, headers=forwarded(name)) for name in names]
        again = [await door.caller(BACKUP, headers=forwarded(name)) for name in names]
        assert callers == again and len({each.user_id for each in callers if each}) == len(names)
        assert not any(each.has_account for each in callers if each)

    async def test_never_is_an_account_of_that_name(
        self, door: Door, connection: asyncpg.Connection
    ) -> None:
        await connection.execute("UPDATE users SET username = 'ann', username_key = 'ann'")
        caller = await door.caller(BACKUP, headers=forwarded("ann"))
        assert caller is not None and caller.user_id != door.person

    async def test_linked_name_is_the_account(
        self, door: Door, connection: asyncpg.Connection
    ) -> None:
        await connection.execute(
            "UPDATE users SET hashed_password = 'AB' WHERE id = $1", door.person
        )
        await connection.execute(
            "INSERT INTO identities VALUES ('forwarded', 'ann', $1)", door.person
        )
        assert await door.caller(BACKUP, headers=forwarded("ann")) == Caller(door.person)

    @pytest.mark.parametrize(
        "headers",
        [
            forwarded("ann", peer="192.0.2.8"),
            forwarded("ann", peer="unix:"),
            forwarded("ann", peer=""),
            [("remote-user", "ann")],
            [*forwarded("ann"), ("x-direct-peer", PROXY)],
            [*forwarded("ann", peer="192.0.2.8"), ("x-forwarded-for", PROXY)],
            [*forwarded("ann", peer="192.0.2.8"), ("x-client-address", PROXY)],
            [*forwarded("ann"), ("remote-user", "ann")],
            [*forwarded("ann"), ("remote-user", "")],
            forwarded(""),
            forwarded(" ann"),
            forwarded("a\tb"),
            forwarded("a\x7fb"),
            forwarded("Zoë"),
            forwarded("x" * 257),
            [("remote_user", "ann"), ("x-direct-peer", PROXY)],
            [("x-remote-user", "ann"), ("x-direct-peer", PROXY)],
        ],
    )
    async def test_unusable_header_is_none(
        self, door: Door, connection: asyncpg.Connection, headers: list[tuple[str, str]]
    ) -> None:
        assert await door.caller(BACKUP, headers=headers) is None
        assert await connection.fetchval("SELECT count(*) FROM identities") == 0

    async def test_counts_beside_a_bad_key_and_a_bad_token(self, door: Door) -> None:
        caller = await door.caller(
            BACKUP, "wrong", authorization=[STALE_TOKEN], headers=forwarded("ann")
        )
        assert caller is not None and door.failures.counted == 0

    async def test_gives_way_to_a_good_token(self, door: Door) -> None:
        caller = await door.caller(BACKUP, authorization=[TOKEN], headers=forwarded("ann"))
        assert caller == door.tokens.caller

    async def test_is_none_where_it_is_no_alternative(self, door: Door) -> None:
        assert await door.caller(WORKOUTS, headers=forwarded("ann")) is None

    @pytest.mark.parametrize("site", ["cross-site", "Cross-Site", "none, cross-site", "?"])
    async def test_of_another_site_is_refused(self, door: Door, site: str) -> None:
        headers = forwarded("ann", sec_fetch_site=site)
        refusal = await door.refusal(BACKUP, headers=headers)
        assert refusal == "PermissionDenied CROSS_SITE_REQUEST"

    @pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
    async def test_of_the_same_site_is_accepted(self, door: Door, site: str) -> None:
        assert await door.caller(BACKUP, headers=forwarded("ann", sec_fetch_site=site))

    async def test_of_a_disabled_user_is_refused(
        self, door: Door, connection: asyncpg.Connection
    ) -> None:
        await door.caller(BACKUP, headers=forwarded("ann"))
        await connection.execute("UPDATE users SET disabled = now()")
        refusal = await door.refusal(BACKUP, headers=forwarded("ann"))
        assert refusal == "PermissionDenied ACCOUNT_DISABLED"


class TestNothing:
    @pytest.mark.parametrize("authorization", [(), ("Basic cHJveHk=",), ("",)])
    async def test_is_no_caller(self, door: Door, authorization: tuple[str, ...]) -> None:
        assert await door.caller(BACKUP, authorization=authorization) is None
