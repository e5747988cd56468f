"""Users whom the operator has disabled."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.libraries.database.pool import Database
from server.libraries.rpc.context import Caller
from server.programs.local.temporary_postgres import TemporaryPostgres
from server.services.auth.disabling import Disabling
from server.services.auth.refresh_token import RotatingToken
from server.services.auth.session_repository import SessionRepository
from server.services.credentials.password_hashing import HashedPassword
from tests.services.auth.accounts import assert_dead, refusal
from tests.services.auth.test_access_keys import create, headers
from tests.services.system.rows import add_user
from tests.support.client import Client, event_of, with_password
from tests.support.stack import Stack

DISABLED = "PERMISSION_DENIED ACCOUNT_DISABLED"


@pytest.fixture
async def disabling(stack: Stack, postgres: TemporaryPostgres) -> AsyncIterator[Disabling]:
    """Yield the switch of the users of the `stack`."""
    async with Database(postgres.url("gymlocker"), pool_size=1) as database:
        yield Disabling(database)


class TestDisabledUser:
    async def test_is_refused_after_the_right_password_only(
        self, one_client: Client, disabling: Disabling
    ) -> None:
        user = await one_client.new_user()
        tokens = await one_client.login(user)
        key = headers((await create(one_client, tokens, "feed")).key)
        assert await disabling.disable(UUID(user.id))
        assert await refusal(one_client.login(user)) == DISABLED
        assert await refusal(one_client.events.PutEvent(event_of(user))) == DISABLED
        keyless = event_of(with_password(user, ""))
        assert await refusal(one_client.events.PutEvent(keyless, metadata=key)) == DISABLED
        wrong = with_password(user, "wrong password")
        for call in (one_client.login(wrong), one_client.events.PutEvent(event_of(wrong))):
            assert await refusal(call) == "UNAUTHENTICATED WRONG_PASSWORD"
        await assert_dead(one_client, tokens)

    async def test_is_accepted_again_once_enabled(
        self, one_client: Client, disabling: Disabling
    ) -> None:
        user = await one_client.new_user()
        tokens = await one_client.login(user)
        key = headers((await create(one_client, tokens, "feed")).key)
        assert await disabling.disable(UUID(user.id))
        assert await disabling.enable(UUID(user.id))
        await one_client.events.PutEvent(event_of(user))
        await one_client.events.PutEvent(event_of(with_password(user, "")), metadata=key)
        await one_client.login(user)
        # Their sessions stay ended.
        await assert_dead(one_client, tokens)

    async def test_gets_no_session_from_a_login_in_progress(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        user_id = await add_user(connection)
        day = timedelta(days=1)
        sessions = SessionRepository(pool, lifetime=day, grace=day)
        hashed = HashedPassword("", b"")
        await Disabling(pool).disable(user_id)
        session = Caller(user_id, uuid4(), generation=1)
        assert not await sessions.start(session, hashed, RotatingToken.new())
        await Disabling(pool).enable(user_id)
        assert await sessions.start(session, hashed, RotatingToken.new())


class TestDisabling:
    async def test_tells_whether_there_is_such_a_user(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        disabling = Disabling(pool)
        user_id = await add_user(connection)
        query = "SELECT disabled FROM users"
        assert await disabling.disable(user_id)
        since = await connection.fetchval(query)
        # Again keeps the time.
        assert await disabling.disable(user_id)
        assert await connection.fetchval(query) == since is not None
        assert await disabling.enable(user_id)
        assert await connection.fetchval(query) is None
        await connection.execute("DELETE FROM users")
        assert not await disabling.disable(user_id)
        assert not await disabling.enable(user_id)
