"""A scripted gRPC worker in a process of its own: `fake_worker.py ADDRESS`.

It serves the real contract. GetUser runs the command in `id_or_lookup`, UpdateUser the one in `id`;
`COMMANDS` lists all commands. Any other text is echoed.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from gymlocker.v2 import event_pb2, system_pb2, user_pb2

from server import errors
from server.libraries.network.tls import identity_of
from server.libraries.rpc.errors import abort_with
from server.libraries.rpc.server import OPTIONS, bind

Context = grpc.aio.ServicerContext[Any, Any]
SERVICES = ("gymlocker.v2.UserService", "gymlocker.v2.EventService", "gymlocker.v2.SystemService")
MEBIBYTE = 1024 * 1024


class RichStatus(grpc.Status):
    """A status with trailing metadata for `abort_with_status`."""

    def __init__(
        self,
        code: grpc.StatusCode,
        details: str,
        trailing_metadata: tuple[tuple[str, str | bytes], ...],
    ) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = trailing_metadata


class Worker:
    """The commands, and how often each was received."""

    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()
        self.health = health.aio.HealthServicer()
        self.released = asyncio.Event()

    async def obey(self, text: str, context: Context) -> str:
        """Run the command in `text`, "command:argument", and return the answer."""
        self.attempts[text] += 1
        command, _, argument = text.partition(":")
        perform = COMMANDS.get(command)
        return await perform(self, argument, context) if perform else text

    async def fail(self, argument: str, context: Context) -> str:
        """fail:CODE: abort with details and a retry-after."""
        code = grpc.StatusCode[argument.partition(":")[0]]
        detail = AnyMessage()
        detail.Pack(ErrorInfo(reason="AS_TOLD", domain="gymlocker", metadata={"a": "b"}))
        status = Status(code=code.value[0], message="As you say.", details=[detail])
        trailers = (
            ("grpc-status-details-bin", status.SerializeToString()),
            ("retry-after", "7"),
        )
        await context.abort_with_status(RichStatus(code, "As you say.", trailers))
        raise AssertionError("abort raises")

    async def raise_(self, argument: str, context: Context) -> str:
        """raise:NAME: end the call as a real worker does after raising this error."""
        kind = getattr(errors, argument)
        about: dict[str, Any] = {"reason": "AS_TOLD"}
        if kind is errors.InvalidArgument:
            about = {"violations": [("field", "field: is wrong")]}
        if kind is errors.ResourceExhausted:
            about["retry_after"] = 7
        await abort_with(context, kind("As you say.", **about))
        raise AssertionError("abort raises")

    async def fail_once(self, argument: str, context: Context) -> str:
        """fail-once:KEY: abort with UNAVAILABLE the first time."""
        if self.attempts[f"fail-once:{argument}"] == 1:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "once")
        return "second time lucky"

    async def count(self, argument: str, context: Context) -> str:
        """count:TEXT: return how often TEXT was received."""
        return str(self.attempts[argument])

    async def metadata(self, argument: str, context: Context) -> str:
        """metadata: return the request's metadata."""
        return json.dumps(
            {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        )

    async def hang(self, argument: str, context: Context) -> str:
        """hang: never answer."""
        await asyncio.Event().wait()
        return ""

    async def wait(self, argument: str, context: Context) -> str:
        """wait: answer after a go: command."""
        await self.released.wait()
        return "gone"

    async def go(self, argument: str, context: Context) -> str:
        """go: release all wait: commands."""
        self.released.set()
        return "go"

    async def crash(self, argument: str, context: Context) -> str:
        """crash: end the process."""
        os._exit(1)

    async def crash_if(self, argument: str, context: Context) -> str:
        """crash-if:PID: end the process if it has this id."""
        if argument == str(os.getpid()):
            os._exit(1)
        return "not me"

    async def start_and_crash(self, argument: str, context: Context) -> str:
        """start-and-crash: send the initial metadata, then end the process."""
        await context.send_initial_metadata((("x-request-id", "of-the-worker"),))
        await asyncio.sleep(0.2)
        os._exit(1)

    async def identify(self, argument: str, context: Context) -> str:
        """identify: send a request id of the worker's own."""
        await context.send_initial_metadata((("x-request-id", "of-the-worker"),))
        return "identified"

    async def set_health(self, argument: str, context: Context) -> str:
        """health:NAME: set the status of the health service."""
        value = health_pb2.HealthCheckResponse.ServingStatus.Value(argument)
        await self.health.set("", value)
        return argument

    async def pid(self, argument: str, context: Context) -> str:
        """pid: return the process id."""
        return str(os.getpid())


Command = Callable[[Worker, str, Context], Awaitable[str]]
COMMANDS: dict[str, Command] = {
    "fail": Worker.fail,
    "raise": Worker.raise_,
    "fail-once": Worker.fail_once,
    "count": Worker.count,
    "metadata": Worker.metadata,
    "hang": Worker.hang,
    "wait": Worker.wait,
    "go": Worker.go,
    "crash": Worker.crash,
    "crash-if": Worker.crash_if,
    "start-and-crash": Worker.start_and_crash,
    "identify": Worker.identify,
    "health": Worker.set_health,
    "pid": Worker.pid,
}


class Users:
    """A UserService that runs commands."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    async def GetUser(
        self, request: user_pb2.GetUserRequest, context: Context
    ) -> user_pb2.GetUserResponse:
        text = request.id_or_lookup
        return user_pb2.GetUserResponse(id=text, lookup=await self.worker.obey(text, context))

    async def UpdateUser(
        self, request: user_pb2.UpdateUserRequest, context: Context
    ) -> user_pb2.UpdateUserResponse:
        await self.worker.obey(request.id, context)
        return user_pb2.UpdateUserResponse()

    async def GetUsers(
        self, request: user_pb2.GetUsersRequest, context: Context
    ) -> user_pb2.GetUsersResponse:
        """Return a picture of N bytes for each id N."""
        return user_pb2.GetUsersResponse(
            users={
                f"{place}": user_pb2.GetUserResponse(encrypted_profile_picture=bytes(int(size)))
                for place, size in enumerate(request.ids)
            }
        )


class Events:
    """An EventService without events that returns the requested users."""

    async def GetEvents(
        self, request: event_pb2.GetEventsRequest, context: Context
    ) -> event_pb2.GetEventsResponse:
        return event_pb2.GetEventsResponse(
            invalid_follow_secrets=[user.user_id for user in request.users]
        )


class System:
    """A healthy SystemService."""

    async def GetHealth(
        self, request: system_pb2.GetHealthRequest, context: Context
    ) -> system_pb2.GetHealthResponse:
        return system_pb2.GetHealthResponse(status="ok")


def add(
    server: grpc.aio.Server, name: str, servicer: object, requests: dict[str, type[Message]]
) -> None:
    """Add the methods that `servicer` implements; the others are UNIMPLEMENTED."""
    handlers: dict[str, Any] = {
        method: grpc.unary_unary_rpc_method_handler(
            getattr(servicer, method),
            request_deserializer=request.FromString,
            response_serializer=lambda response: response.SerializeToString(),
        )
        for method, request in requests.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))


async def serve(address: str, *files: str) -> None:
    """Serve until the process ends, over mutual TLS if there are files for it."""
    chain, key, authority = map(Path, files) if files else (None, None, None)
    identity = identity_of(chain, key, authority, "the files", [address])
    worker = Worker()
    server = grpc.aio.server(options=OPTIONS)
    users, events, system = SERVICES
    add(
        server,
        users,
        Users(worker),
        {
            "GetUser": user_pb2.GetUserRequest,
            "UpdateUser": user_pb2.UpdateUserRequest,
            "GetUsers": user_pb2.GetUsersRequest,
        },
    )
    add(server, events, Events(), {"GetEvents": event_pb2.GetEventsRequest})
    add(server, system, System(), {"GetHealth": system_pb2.GetHealthRequest})
    health_pb2_grpc.add_HealthServicer_to_server(worker.health, server)
    reflection.enable_server_reflection(SERVICES, server)
    await worker.health.set("", health_pb2.HealthCheckResponse.SERVING)
    bind(server, address, identity)
    await server.start()
    print("ready", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
