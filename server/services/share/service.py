"""ShareService: items shared by link."""

from uuid import UUID

from gymlocker.v2 import share_pb2, share_pb2_grpc

from server.errors import AlreadyExists, NotFound
from server.libraries.rpc.context import Context
from server.libraries.rpc.conversions import datetime_of
from server.services.share.repository import ShareRepository


class ShareService(share_pb2_grpc.ShareServiceServicer):
    """Stores and reads shared items."""

    def __init__(self, items: ShareRepository) -> None:
        self._items = items

    async def CreateSharedItem(
        self, request: share_pb2.CreateSharedItemRequest, context: Context
    ) -> share_pb2.CreateSharedItemResponse:
        """Stores an item of the caller."""
        item_id = await self._items.create(
            UUID(request.user_id),
            request.encrypted_payload.encrypted_payload,
            request.encrypted_payload.iv.value,
            datetime_of(request.expiry, "expiry"),
            request.request_id,
        )
        if item_id is None:
            raise AlreadyExists(
                "Another item was shared by this request id. Choose another id.",
                reason="SHARED_ITEM_EXISTS",
            )
        return share_pb2.CreateSharedItemResponse(id=item_id)

    async def GetSharedItem(
        self, request: share_pb2.GetSharedItemRequest, context: Context
    ) -> share_pb2.GetSharedItemResponse:
        """Reads an item."""
        row = await self._items.get(request.id)
        if row is None:
            raise NotFound(
                "There is no such shared item, or it has expired.", reason="SHARED_ITEM_NOT_FOUND"
            )
        return share_pb2.GetSharedItemResponse(
            rsa_public_key=share_pb2.RsaPublicKey(spki_public_key_bytes=row["rsa_public_key"]),
            encrypted_payload=share_pb2.EncryptedPayload(
                encrypted_payload=row["encrypted_payload"],
                iv=share_pb2.InitializationVector(value=row["encryption_iv"]),
            ),
        )
