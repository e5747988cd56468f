"""SQL of the registration and confirmation of endpoints."""

import hmac
import secrets
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import Text, bindparam, delete, false, func, insert, literal, null, select, update

from server.errors import NotFound, no_such_user
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import push_endpoints as endpoints
from server.libraries.database.schema import users
from server.libraries.database.statement import Statement
from server.libraries.limits.quota import quota_exceeded
from server.libraries.rpc.conversions import invalid_field
from server.services.push.model import CHALLENGE_BYTES, MAX_ENDPOINTS, Endpoint, Subscription

# Between two pushes to an endpoint, failed ones included.
MIN_INTERVAL = timedelta(seconds=60)
MAX_WRONG_CHALLENGES = 10

_OF_USER = endpoints.c.user_id == bindparam("user_id")
_IS_ONE = (_OF_USER, endpoints.c.id == bindparam("id"))
_IS_SAME = (_OF_USER, endpoints.c.endpoint == bindparam("endpoint", type_=Text))
_now = func.now()

_LOCK_USER = Statement(
    select(users.c.id).where(users.c.id == bindparam("user_id")).with_for_update(key_share=True)
)
_LIST = Statement(
    select(
        endpoints.c.id,
        endpoints.c.endpoint,
        endpoints.c.created,
        endpoints.c.confirmed.is_not(None).label("is_confirmed"),
    )
    .where(_OF_USER)
    .order_by(endpoints.c.created, endpoints.c.id)
)
# Not named by its keys alone: the same keys at another endpoint are another subscription.
_FIND_CONFIRMED = Statement(
    select(endpoints.c.id).where(
        *_IS_SAME,
        endpoints.c.p256dh == bindparam("p256dh"),
        endpoints.c.auth == bindparam("auth"),
        endpoints.c.confirmed.is_not(None),
    )
)
_REPLACE = Statement(
    update(endpoints)
    .where(*_IS_SAME)
    .values(
        p256dh=bindparam("p256dh"),
        auth=bindparam("auth"),
        confirmed=null(),
        challenge=bindparam("challenge"),
        challenged=_now,
        challenges=0,
        wrong_challenges=0,
        due=func.greatest(_now, endpoints.c.attempted + literal(MIN_INTERVAL)),
        waiting=false(),
        failures=0,
        failing=null(),
    )
    .returning(endpoints.c.id)
)
_COUNT = Statement(select(func.count()).select_from(endpoints).where(_OF_USER))
_CREATE = Statement(
    insert(endpoints).values(
        user_id=bindparam("user_id"),
        id=bindparam("id"),
        endpoint=bindparam("endpoint"),
        p256dh=bindparam("p256dh"),
        auth=bindparam("auth"),
        created=_now,
        challenge=bindparam("challenge"),
        challenged=_now,
        due=_now,
    )
)
_GET_CHALLENGE = Statement(
    select(endpoints.c.challenge, endpoints.c.confirmed, endpoints.c.wrong_challenges)
    .where(*_IS_ONE)
    .with_for_update()
)
_CONFIRM = Statement(
    update(endpoints).where(*_IS_ONE, endpoints.c.confirmed.is_(None)).values(confirmed=_now)
)
_COUNT_WRONG = Statement(
    update(endpoints).where(*_IS_ONE).values(wrong_challenges=endpoints.c.wrong_challenges + 1)
)
_DELETE = Statement(delete(endpoints).where(*_IS_ONE).returning(literal(1)))


class EndpointRepository:
    """Store of endpoints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, user_id: UUID) -> list[Endpoint]:
        """Return the endpoints of a user, oldest first."""
        rows = await self._database.fetch(_LIST, user_id=user_id)
        return [Endpoint(**row) for row in rows]

    async def find_confirmed(self, user_id: UUID, subscription: Subscription) -> UUID | None:
        """Return the id of a user's confirmed endpoint with these keys, if there is one."""
        row = await self._database.fetch_one(
            _FIND_CONFIRMED,
            user_id=user_id,
            endpoint=subscription.endpoint,
            p256dh=subscription.p256dh,
            auth=subscription.auth,
        )
        return row["id"] if row else None

    async def register(self, user_id: UUID, subscription: Subscription) -> UUID:
        """Store an endpoint of a user, to be confirmed with a new challenge; return its id.

        An endpoint with the same URL is replaced. Raise NotFound if there is no such user,
        ResourceExhausted if they have ten others.
        """
        new_id = uuid4()
        values = {
            "user_id": user_id,
            "id": new_id,
            "endpoint": subscription.endpoint,
            "p256dh": subscription.p256dh,
            "auth": subscription.auth,
            "challenge": secrets.token_bytes(CHALLENGE_BYTES),
        }

        async def action(connection: Connection) -> UUID:
            # Waits for other registrations of this user.
            if await connection.fetchval(_LOCK_USER.sql, user_id) is None:
                raise no_such_user()
            for statement in (_FIND_CONFIRMED, _REPLACE):
                found = await connection.fetchval(statement.sql, *statement.arguments(values))
                if found is not None:
                    existing: UUID = found
                    return existing
            if await connection.fetchval(_COUNT.sql, user_id) >= MAX_ENDPOINTS:
                raise quota_exceeded(f"{MAX_ENDPOINTS} push endpoints")
            await connection.execute(_CREATE.sql, *_CREATE.arguments(values))
            return new_id

        return await self._database.transact(action)

    async def confirm(self, user_id: UUID, endpoint_id: UUID, challenge: bytes | None) -> None:
        """Confirm an endpoint of a user with its challenge; None is a wrong one.

        Raise NotFound if the user has no such endpoint, InvalidArgument if the challenge is wrong.
        """

        async def action(connection: Connection) -> bool:
            async def run(statement: Statement) -> None:
                await connection.execute(statement.sql, *statement.arguments(values))

            values = {"user_id": user_id, "id": endpoint_id}
            row = await connection.fetchrow(_GET_CHALLENGE.sql, *_GET_CHALLENGE.arguments(values))
            if row is None:
                raise no_such_endpoint()
            if challenge is not None and hmac.compare_digest(challenge, row["challenge"]):
                await run(_CONFIRM)
                return True
            if row["confirmed"] is None:
                is_last = row["wrong_challenges"] + 1 >= MAX_WRONG_CHALLENGES
                await run(_DELETE if is_last else _COUNT_WRONG)
            return False

        # Raised here, so that the count is committed.
        if not await self._database.transact(action):
            raise invalid_field("challenge", "is not the one of the last push to this endpoint")

    async def delete(self, user_id: UUID, endpoint_id: UUID) -> None:
        """Delete an endpoint of a user. Raise NotFound if the user has no such endpoint."""
        if not await self._database.fetch_one(_DELETE, user_id=user_id, id=endpoint_id):
            raise no_such_endpoint()


def no_such_endpoint() -> NotFound:
    """Return the error for an endpoint that the caller does not have."""
    return NotFound("There is no such push endpoint.", reason="PUSH_ENDPOINT_NOT_FOUND")
