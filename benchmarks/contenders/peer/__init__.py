"""The peer: a careful FastAPI server with the REST part of the contract.

It follows FastAPI's current documentation: pydantic models for requests and responses, which
pydantic itself serializes; uvloop and httptools; one pool of the same size as Gymlocker's, without
pre-ping. Every choice favours the peer: no access log, no middleware, no dependency that opens a
session, no limits except those of fields, and no maximum response size.

It has three database layers, so that the effects of framework and database layer are separate:
SQLAlchemy's ORM, which is the most common choice; SQLAlchemy's Core; and bare asyncpg with
Gymlocker's SQL.

Passwords are hashed in a thread, one at a time as in Gymlocker, and on every call with a password.
Caching correct passwords is not common practice but Gymlocker's own optimization, so its effect
must be visible. With `--passwords cached` the peer has the same cache, and the figures compare
everything else.
"""
