"""SQL of invitations. They are stored as their SHA-256, until they are used or expire."""

from datetime import timedelta

from sqlalchemy import Interval, LargeBinary, bindparam, func, insert, literal, select

from server.libraries.database.pool import Database
from server.libraries.database.schema import invitations
from server.libraries.database.statement import Statement
from server.services.credentials.registration import (
    INVITATION_LIFETIME,
    code_hash,
    new_invitation,
)

_CREATE = Statement(
    insert(invitations).values(
        hash=bindparam("hash"),
        created=func.now(),
        expiry=func.now() + bindparam("lifetime", type_=Interval),
    )
)
_IS_VALID = Statement(
    select(literal(1)).where(
        invitations.c.hash == bindparam("hash", type_=LargeBinary),
        invitations.c.expiry > func.now(),
    )
)


class InvitationRepository:
    """Store of invitations. UserRepository.create uses them up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, lifetime: timedelta = INVITATION_LIFETIME) -> str:
        """Store a new invitation and return its code, which cannot be read again."""
        code = new_invitation()
        await self._database.execute(_CREATE, hash=code_hash(code), lifetime=lifetime)
        return code

    async def is_valid(self, code_hash: bytes) -> bool:
        """Check whether there is an unused invitation with this hash."""
        return bool(await self._database.fetch_one(_IS_VALID, hash=code_hash))
