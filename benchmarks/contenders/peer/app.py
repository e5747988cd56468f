"""Routes and error responses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from benchmarks.contenders.peer import messages
from benchmarks.contenders.peer.passwords import Passwords
from benchmarks.contenders.peer.storage import Storage
from benchmarks.contenders.sessions import new_session
from server.errors import GymlockerError, NotFound, Unauthenticated, no_such_user, wrong_password
from server.libraries.common.text import uuid_in

# HTTP status and gRPC code.
STATUSES: dict[type[GymlockerError], tuple[int, int]] = {
    NotFound: (404, 5),
    Unauthenticated: (401, 16),
}
INVALID_ARGUMENT = 3


def create_app(storage: Storage, passwords: Passwords) -> FastAPI:
    """Return the application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with storage:
            yield

    app = FastAPI(lifespan=lifespan)
    for routes in (feed_routes(storage, passwords), login_route(storage, passwords)):
        app.include_router(routes)
        app.include_router(routes, prefix="/v2")
    app.exception_handler(GymlockerError)(_reject)
    app.exception_handler(RequestValidationError)(_reject_invalid)
    return app


def feed_routes(storage: Storage, passwords: Passwords) -> APIRouter:
    """Return the routes of users, events and inboxes."""
    routes = APIRouter()

    async def check(user_id: UUID, password: str) -> None:
        hashed = await storage.password(user_id)
        if hashed is None:
            raise no_such_user()
        await passwords.check(user_id, hashed, password)

    @routes.get("/user/{id_or_lookup}", response_model_exclude_none=True)
    async def get_user(id_or_lookup: str) -> messages.Profile:
        profile = await storage.user(uuid_in(id_or_lookup) or id_or_lookup)
        if profile is None:
            raise no_such_user()
        return profile

    @routes.post("/users", response_model_exclude_none=True)
    async def get_users(request: messages.GetUsers) -> messages.Users:
        profiles = await storage.users(request.ids)
        return messages.Users(users={str(profile.id): profile for profile in profiles})

    @routes.put("/event")
    async def put_event(request: messages.PutEvent) -> messages.Empty:
        await check(request.user_id, request.password)
        await storage.put_event(request)
        return messages.Empty()

    @routes.post("/events")
    async def get_events(request: messages.GetEvents) -> messages.Events:
        return await storage.events(request.users)

    @routes.put("/inbox")
    async def put_inbox_message(request: messages.PutInboxMessage) -> messages.Empty:
        await storage.put_message(request.to_user_id, request.encrypted_message)
        return messages.Empty()

    @routes.post("/inbox")
    async def get_inbox_messages(request: messages.GetInboxMessages) -> messages.InboxMessages:
        await check(request.user_id, request.password)
        return messages.InboxMessages(inbox_messages=await storage.take_messages(request.user_id))

    return routes


def login_route(storage: Storage, passwords: Passwords) -> APIRouter:
    """Return the route of logins."""
    routes = APIRouter()

    @routes.post("/auth/login")
    async def login(request: messages.Login, response: Response) -> messages.Tokens:
        found = await storage.login(request.username)
        if found is None:
            raise wrong_password()
        user_id, hashed = found
        await passwords.check(user_id, hashed, request.password)
        session = new_session(user_id)
        await storage.start_session(user_id, hashed, session)
        response.headers["cache-control"] = "no-store"
        return messages.Tokens(
            access_token=session.access_token,
            expires_in=session.expires_in,
            refresh_token=session.refresh_token,
        )

    return routes


async def _reject(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, GymlockerError)
    status, code = STATUSES[type(error)]
    return _error(status, code, error.message, _info(error.reason))


async def _reject_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    violations = [
        {"field": ".".join(map(str, each["loc"][1:])), "description": each["msg"]}
        for each in error.errors()
    ]
    bad = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}
    message = "; ".join(f"{each['field']}: {each['description']}" for each in violations)
    return _error(400, INVALID_ARGUMENT, message, _info("INVALID_REQUEST"), bad)


def _info(reason: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "gymlocker", "metadata": {}}


def _error(status: int, code: int, message: str, *details: dict[str, Any]) -> JSONResponse:
    body = {"code": code, "message": message, "details": details}
    return JSONResponse(body, status_code=status)
