"""The SQL statements that watchers share beside the changes: secrets and moved users."""

import datetime as dt

from sqlalchemy import (
    ARRAY,
    DateTime,
    Text,
    Uuid,
    any_,
    bindparam,
    column,
    func,
    literal,
    select,
    true,
)

from server.libraries.database.schema import user_event_clocks, user_follow_secrets
from server.libraries.database.statement import Statement


def _invalid_secrets() -> Statement:
    """Return a statement with the entries whose secret does not belong to the user.

    It reads the secrets of each user once, however many entries there are of them.
    """
    user_ids = bindparam("user_ids", type_=ARRAY(Uuid))
    requested = (
        func.unnest(user_ids, bindparam("secrets", type_=ARRAY(Text)))
        .table_valued(column("user_id", Uuid), column("secret", Text))
        .render_derived("requested")
    )
    known = (
        select(user_follow_secrets.c.user_id, user_follow_secrets.c.value)
        .where(user_follow_secrets.c.user_id == any_(user_ids))
        .cte("known")
        .prefix_with("MATERIALIZED")
    )
    is_known = (
        select(true())
        .where(known.c.user_id == requested.c.user_id, known.c.value == requested.c.secret)
        .exists()
    )
    return Statement(select(requested.c.user_id, requested.c.secret).where(~is_known))


def _moved() -> Statement:
    """Return a statement with the users whose newest change is not at the given times."""
    known = func.unnest(
        bindparam("user_ids", type_=ARRAY(Uuid)),
        bindparam("times", type_=ARRAY(DateTime(timezone=True))),
    ).table_valued(column("user_id", Uuid), column("newest", DateTime(timezone=True)))
    requested = known.render_derived("known")
    clock = user_event_clocks.c
    newest = func.coalesce(clock.timestamp, literal(dt.datetime.min.replace(tzinfo=dt.UTC)))
    return Statement(
        select(requested.c.user_id)
        .select_from(requested.outerjoin(user_event_clocks, clock.user_id == requested.c.user_id))
        .where(newest != requested.c.newest)
    )


GET_INVALID_SECRETS = _invalid_secrets()
GET_MOVED_USERS = _moved()
