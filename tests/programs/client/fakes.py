"""A fake server that fails on demand, over real gRPC; threaded, so it needs no event loop."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.message_factory import GetMessageClass
from gymlocker.v2 import auth_pb2, workout_pb2

from server.programs.client.session import Session

TIMEOUT = 60.0


class FakeGymlocker:
    """A server of a few methods. A call sets `reached`, then waits for `proceed`."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.proceed = threading.Event()
        self.sizes: list[int] = []
        self.formats: list[str] = []
        self.options: list[workout_pb2.ImportWorkoutsRequest] = []
        # Imports wait for `proceed` if it is set.
        self.slow_import = False
        self.exchanged: list[str] = []
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._serve(auth_pb2, "GetMe", grpc.unary_unary_rpc_method_handler, self._get_me)
        self._serve(auth_pb2, "RefreshToken", grpc.unary_unary_rpc_method_handler, self._refresh)
        self._serve(
            workout_pb2, "ExportWorkouts", grpc.unary_stream_rpc_method_handler, self._export
        )
        self._serve(
            workout_pb2, "ImportWorkouts", grpc.stream_unary_rpc_method_handler, self._import
        )
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        """Abort all calls in flight."""
        self._server.stop(None)
        self.proceed.set()

    def session(self, *, expires_in: float = 3600) -> Session:
        return Session(self.url, "ada", time.time() + expires_in, "access-0", "refresh-0")

    def _get_me(self, request: auth_pb2.GetMeRequest, context: Any) -> auth_pb2.Account:
        return auth_pb2.Account(username="ada")

    def _refresh(self, request: auth_pb2.RefreshTokenRequest, context: Any) -> auth_pb2.Tokens:
        self.exchanged.append(request.refresh_token)
        self._wait()
        return auth_pb2.Tokens(access_token="access-1", refresh_token="refresh-1", expires_in=3600)

    def _export(
        self, request: workout_pb2.ExportWorkoutsRequest, context: Any
    ) -> Iterator[HttpBody]:
        self.formats.append(request.format)
        yield HttpBody(data=b"id,date,type,duration,notes\r\n")
        self._wait()
        context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    def _import(
        self, requests: Iterator[workout_pb2.ImportWorkoutsRequest], context: Any
    ) -> workout_pb2.ImportWorkoutsResponse:
        for request in requests:
            self.reached.set()
            self.sizes.append(len(request.file.data))
            if not request.file.data:
                self.options.append(request)
        if self.slow_import:
            self.proceed.wait(TIMEOUT)
        return workout_pb2.ImportWorkoutsResponse(format="gymlocker")

    def _wait(self) -> None:
        self.reached.set()
        self.proceed.wait(TIMEOUT)

    def _serve(self, module: Any, name: str, make_handler: Any, behaviour: Any) -> None:
        (service,) = module.DESCRIPTOR.services_by_name.values()
        method = service.methods_by_name[name]
        handler = make_handler(
            behaviour,
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
        generic = grpc.method_handlers_generic_handler(service.full_name, {name: handler})
        self._server.add_generic_rpc_handlers((generic,))
