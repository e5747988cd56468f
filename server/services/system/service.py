"""SystemService: health and features of the server."""

import asyncio
from collections.abc import Callable, Collection

from gymlocker.v2 import options_pb2, system_pb2, system_pb2_grpc

from server.errors import ResourceExhausted, Unavailable
from server.libraries.common.single_flight import SingleFlight
from server.libraries.database.write_check import WriteCheck
from server.libraries.rpc.context import Context
from server.libraries.rpc.method import Feature


class SystemService(system_pb2_grpc.SystemServiceServicer):
    """Servicer of health and features."""

    def __init__(
        self,
        databases: dict[str, WriteCheck],
        offered: Collection[Feature],
        require_disk_space: Callable[[], None],
    ) -> None:
        self._databases = databases
        self._require_disk_space = require_disk_space
        # Concurrent requests share one check of each database.
        self._checks = SingleFlight[str, str, None](1)
        self._features = system_pb2.GetFeaturesResponse(
            feed=options_pb2.FEATURE_FEED in offered,
            sharing=options_pb2.FEATURE_SHARING in offered,
            ai_planner=options_pb2.FEATURE_AI_PLANNER in offered,
            backup=options_pb2.FEATURE_BACKUP in offered,
        )

    async def GetHealth(
        self, request: system_pb2.GetHealthRequest, context: Context
    ) -> system_pb2.GetHealthResponse:
        """Check that the databases accept writes; raise Unavailable with the reason if not."""
        try:
            self._require_disk_space()
            await asyncio.gather(*map(self._check, self._databases))
        except ResourceExhausted as error:
            # The client did not exhaust the resource, so it is not RESOURCE_EXHAUSTED.
            raise Unavailable(
                error.message, reason=error.reason, retry_after=error.retry_after
            ) from error
        return system_pb2.GetHealthResponse(status="ok")

    async def _check(self, name: str) -> None:
        require = self._databases[name].require
        await self._checks.run(name, name, require, too_many=AssertionError)

    async def GetFeatures(
        self, request: system_pb2.GetFeaturesRequest, context: Context
    ) -> system_pb2.GetFeaturesResponse:
        """Return the offered features, which do not change while the server runs."""
        return self._features
