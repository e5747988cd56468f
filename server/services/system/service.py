"""SystemService: the server itself."""

import asyncio
from collections.abc import Callable, Collection

from gymlocker.v2 import options_pb2, system_pb2, system_pb2_grpc

from server.errors import ResourceExhausted, Unavailable
from server.libraries.common.single_flight import SingleFlight
from server.libraries.database.write_check import WriteCheck
from server.libraries.rpc.context import Context
from server.libraries.rpc.method import Feature


class SystemService(system_pb2_grpc.SystemServiceServicer):
    """Tells how the server is, and what it offers."""

    def __init__(
        self,
        databases: dict[str, WriteCheck],
        offered: Collection[Feature],
        require_room: Callable[[], None],
    ) -> None:
        self._databases = databases
        self._require_room = require_room
        # However many ask at once, each database is asked once.
        self._looks = SingleFlight[str, str, None](most=1)
        self._features = system_pb2.GetFeaturesResponse(
            feed=options_pb2.FEATURE_FEED in offered,
            sharing=options_pb2.FEATURE_SHARING in offered,
            ai_planner=options_pb2.FEATURE_AI_PLANNER in offered,
            backup=options_pb2.FEATURE_BACKUP in offered,
        )

    async def GetHealth(
        self, request: system_pb2.GetHealthRequest, context: Context
    ) -> system_pb2.GetHealthResponse:
        """Asks the databases whether writes work; raises Unavailable, with the reason, if not."""
        try:
            self._require_room()
            await asyncio.gather(*map(self._look, self._databases))
        except ResourceExhausted as error:
            # Whoever asks is not the one who has used it up.
            raise Unavailable(
                error.message, reason=error.reason, retry_after=error.retry_after
            ) from error
        return system_pb2.GetHealthResponse(status="ok")

    async def _look(self, name: str) -> None:
        require = self._databases[name].require
        await self._looks.run(name, name, require, too_many=AssertionError)

    async def GetFeatures(
        self, request: system_pb2.GetFeaturesRequest, context: Context
    ) -> system_pb2.GetFeaturesResponse:
        """Return what is offered, which does not change while the server runs."""
        return self._features
