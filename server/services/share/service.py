"""ShareService: items shared by link."""

from uuid import UUID

from gymlocker.v2 import share_pb2, share_pb2_grpc

from server.errors import AlreadyExists, NotFound
from server.libraries.rpc.context import Context
from server.libraries.rpc.conversions import datetime_of
from server.services.share.repository import ShareRepository


class ShareService(share_pb2_grpc.ShareServiceServicer):
    """Items shared by link."""

    def __init__(self, items: ShareRepository) -> None:
        self._items = items

    async def CreateSharedItem(
        self, request: share_pb2.CreateSharedItemRequest, context: Context
    ) -> share_pb2.CreateSharedItemResponse:
        """Store an item of the caller."""
        item_id = await self._items.create(
            UUID(request.user_id),
            request.encrypted_payload.encrypted_payload,
            request.encrypted_payload.iv.value,
            datetime_of(request.expiry, "expiry"),
            request.request_id,
        )
        if item_id is None:
            raise AlreadyExists(
                "Another item was shared with this request id. Choose another id.",
                reason="SHARED_ITEM_EXISTS",
            )
        return share_pb2.CreateSharedItemResponse(id=item_id)

    async def GetSharedItem(
        self, request: share_pb2.GetSharedItemRequest, context: Context
    ) -> share_pb2.GetSharedItemResponse:
        """Return an item."""
        item = await self._items.get(request.id)
        if item is None:
            raise NotFound(
                "There is no such shared item, or it has expired.", reason="SHARED_ITEM_NOT_FOUND"
            )
        return item
