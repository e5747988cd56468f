"""The SQL statements of users."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    LargeBinary,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from server.libraries.database.schema import invitations, users
from server.libraries.database.statement import Statement
from server.libraries.database.time import start_of_day
from server.services.credentials.password_repository import password_columns

_PROFILE = (
    users.c.id,
    users.c.user_lookup,
    users.c.encrypted_current_plan,
    users.c.encrypted_profile_picture,
    users.c.encrypted_name,
    users.c.encryption_iv,
    users.c.rsa_public_key,
)
_ACCOUNT = (
    users.c.id,
    users.c.user_lookup,
    users.c.username,
    users.c.created,
    users.c.import_backups,
)


def _get_many() -> Statement:
    """Return a statement that reads profiles, without pictures if these are too large."""
    size = func.sum(func.octet_length(users.c.encrypted_profile_picture)).over()
    found = (
        select(*_PROFILE, func.coalesce(size, 0).label("picture_bytes"))
        .where(users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
        .subquery("found")
    )
    small_enough = found.c.picture_bytes <= bindparam("max_bytes", type_=BigInteger)
    picture = case((small_enough, found.c.encrypted_profile_picture))
    others = (column for column in found.c if column.name != "encrypted_profile_picture")
    return Statement(select(*others, picture.label("encrypted_profile_picture")))


CREATE_USER = Statement(
    insert(users)
    .values(
        id=bindparam("id"),
        user_lookup=bindparam("lookup"),
        hashed_password=bindparam("hashed_password"),
        salt=bindparam("salt"),
        created=func.now(),
        last_accessed=start_of_day(),
        encryption_iv=b"",
        rsa_public_key=b"",
        username=bindparam("username"),
        username_key=bindparam("username_key"),
    )
    # No row instead of an error, which PostgreSQL would log.
    .on_conflict_do_nothing()
    .returning(*_ACCOUNT)
)
GET_USER = Statement(select(*_PROFILE).where(users.c.id == bindparam("id")))
GET_USER_BY_LOOKUP = Statement(select(*_PROFILE).where(users.c.user_lookup == bindparam("lookup")))
GET_USERS = _get_many()
_update_user = (
    update(users)
    .where(users.c.id == bindparam("user_id"))
    .values(
        encrypted_current_plan=bindparam("encrypted_current_plan"),
        encrypted_profile_picture=bindparam("encrypted_profile_picture"),
        encrypted_name=bindparam("encrypted_name"),
        encryption_iv=bindparam("encryption_iv"),
        rsa_public_key=bindparam("rsa_public_key"),
        last_accessed=start_of_day(),
    )
    .returning(users.c.id)
)
UPDATE_USER = Statement(_update_user)
UPDATE_USER_WITH_SAME_KEY = Statement(
    _update_user.where(users.c.rsa_public_key == bindparam("rsa_public_key"))
)
TOUCH_USERS = Statement(
    update(users)
    .where(
        users.c.id.in_(
            # In the order of the ids and without waiting: two workers may touch the same users.
            select(users.c.id)
            .where(
                users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
                users.c.last_accessed < start_of_day(),
            )
            .order_by(users.c.id)
            # Skips rows that are being changed, but not those that other rows refer to.
            .with_for_update(key_share=True, skip_locked=True)
        )
    )
    .values(last_accessed=start_of_day())
)
# The timeout is long: the rows deleted with a user can be the workouts of many years.
DELETE_USER = Statement(
    delete(users).where(users.c.id == bindparam("user_id")).returning(users.c.id), seconds=20.0
)

UPDATE_ACCOUNT = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"))
    .values(
        import_backups=func.coalesce(
            bindparam("import_backups", type_=Boolean), users.c.import_backups
        )
    )
    .returning(*_ACCOUNT)
)
USE_INVITATION = Statement(
    delete(invitations)
    .where(
        invitations.c.hash == bindparam("hash", type_=LargeBinary),
        invitations.c.expiry > func.now(),
    )
    .returning(invitations.c.hash)
)

GET_ACCOUNT = Statement(select(*_ACCOUNT).where(users.c.id == bindparam("user_id")))
_LOGIN = select(users.c.id, *password_columns())
GET_LOGIN_BY_ID = Statement(_LOGIN.where(users.c.id == bindparam("id")))
_KEYS = bindparam("username_keys", type_=ARRAY(Text))
_has_key = users.c.username_key == any_(_KEYS)
_is_lookup = users.c.user_lookup == bindparam("name")
# A lookup comes first: lookups cannot be chosen, so no username can block somebody's lookup. Then
# comes the key that the name had before names were folded further, since its owner still uses it.
GET_LOGIN_BY_NAME = Statement(
    _LOGIN.where(or_(_has_key, _is_lookup))
    .order_by(_is_lookup.desc(), func.array_position(_KEYS, users.c.username_key))
    .limit(1)
)
FIND_USERNAME = Statement(
    select(literal(1)).where(or_(_has_key, _is_lookup, users.c.user_lookup == any_(_KEYS))).limit(1)
)
CLAIM_USERNAME = Statement(
    update(users)
    .where(
        users.c.id == bindparam("user_id"),
        or_(users.c.username_key.is_(None), _has_key),
    )
    .values(username=bindparam("username"), username_key=bindparam("new_username_key"))
    .returning(*_ACCOUNT)
)
