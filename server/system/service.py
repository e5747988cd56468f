"""SystemService: the server itself."""

from typing import Any

from gymlocker.v2 import system_pb2, system_pb2_grpc

from server.system.repository import SystemRepository


class SystemService(system_pb2_grpc.SystemServiceServicer):
    """Tells how the server is."""

    def __init__(self, system: SystemRepository) -> None:
        self._system = system

    async def GetHealth(
        self, request: system_pb2.GetHealthRequest, context: Any
    ) -> system_pb2.GetHealthResponse:
        """Asks the database; it raises Unavailable if that does not answer."""
        await self._system.ping()
        return system_pb2.GetHealthResponse(status="ok")
