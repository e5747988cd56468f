"""FollowService: permission to read a feed."""

from uuid import UUID

from gymlocker.v2 import follow_pb2, follow_pb2_grpc

from server.libraries.hints.hint import Topic
from server.libraries.hints.hints import Hints
from server.libraries.rpc.context import Context
from server.services.follow.repository import FollowRepository


class FollowService(follow_pb2_grpc.FollowServiceServicer):
    """Follow secrets of the caller."""

    def __init__(self, secrets: FollowRepository, hints: Hints) -> None:
        self._secrets = secrets
        self._hints = hints

    async def PutFollowSecret(
        self, request: follow_pb2.PutFollowSecretRequest, context: Context
    ) -> follow_pb2.PutFollowSecretResponse:
        """Accept a secret of the caller."""
        await self._secrets.put(UUID(request.user_id), request.follow_secret)
        return follow_pb2.PutFollowSecretResponse()

    async def DeleteFollowSecret(
        self, request: follow_pb2.DeleteFollowSecretRequest, context: Context
    ) -> follow_pb2.DeleteFollowSecretResponse:
        """Revoke a secret of the caller."""
        user_id = UUID(request.user_id)
        await self._secrets.delete(user_id, request.follow_secret)
        self._hints.publish(Topic.ACCESS, user_id)
        return follow_pb2.DeleteFollowSecretResponse()
