"""SystemService: the server itself."""

from collections.abc import Collection
from typing import Any

from gymlocker.v2 import options_pb2, system_pb2, system_pb2_grpc

from server.rpc.method import Feature
from server.system.repository import SystemRepository


class SystemService(system_pb2_grpc.SystemServiceServicer):
    """Tells how the server is, and what it offers."""

    def __init__(self, system: SystemRepository, offered: Collection[Feature]) -> None:
        self._system = system
        self._features = system_pb2.GetFeaturesResponse(
            feed=options_pb2.FEATURE_FEED in offered,
            sharing=options_pb2.FEATURE_SHARING in offered,
            ai_planner=options_pb2.FEATURE_AI_PLANNER in offered,
            backup=options_pb2.FEATURE_BACKUP in offered,
        )

    async def GetHealth(
        self, request: system_pb2.GetHealthRequest, context: Any
    ) -> system_pb2.GetHealthResponse:
        """Asks the database; it raises Unavailable if that does not answer."""
        await self._system.ping()
        return system_pb2.GetHealthResponse(status="ok")

    async def GetFeatures(
        self, request: system_pb2.GetFeaturesRequest, context: Any
    ) -> system_pb2.GetFeaturesResponse:
        """Return what is offered, which does not change while the server runs."""
        return self._features
