"""The peer: the same contract as REST alone, by FastAPI, written with the same care.

Care means what its documentation recommends today: pydantic models for requests and replies, which
pydantic itself turns into JSON; uvloop and httptools; one pool of the same size as ours, without
pre-ping. Where there was a choice, it was made in the peer's favour: no access log, no middleware,
no dependency that opens a session, no limits but those of fields, and no bound on what one reply
holds.

Its database is reached in three ways, so that no framework is credited with what is the database
layer's: SQLAlchemy's ORM, which is what most would write; its Core; and bare asyncpg with the SQL
of our own server.

Passwords are hashed in a thread beside the event loop, one at a time as ours are, and at every call
that carries one. To remember those that were right is no habit of careful people but an idea of
ours: it has to show as what it is. With `--passwords remembered` the peer has it, too, and what is
left is the difference of the rest.
"""
