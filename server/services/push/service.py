"""PushService: Web Push endpoints."""

from collections.abc import Callable
from uuid import UUID

from gymlocker.v2 import push_pb2, push_pb2_grpc

from server.errors import FeatureDisabled
from server.libraries.common import base64url
from server.libraries.limits.rate_limits import PushRegistrations
from server.libraries.rpc.context import Context, address_of, caller
from server.libraries.rpc.conversions import invalid_field, set_time
from server.services.push.addresses import Addresses, ForbiddenAddress
from server.services.push.device_keys import parse_auth, parse_public_key
from server.services.push.endpoint_url import EndpointUrl, parse_endpoint
from server.services.push.model import Subscription
from server.services.push.repository import EndpointRepository
from server.services.push.vapid import SETTING

_NOT_PUBLIC = (
    "its host was not found, or has an address that is not public; check the name, use a public "
    "push service, or set PUSH_ALLOW_PRIVATE on a server of your own"
)


class PushService(push_pb2_grpc.PushServiceServicer):
    """Servicer of PushService. `registered` is called when a challenge is due."""

    def __init__(
        self,
        endpoints: EndpointRepository,
        addresses: Addresses,
        rate: PushRegistrations,
        vapid_public_key: str,
        registered: Callable[[], None],
        *,
        allow_private: bool,
    ) -> None:
        self._endpoints = endpoints
        self._addresses = addresses
        self._rate = rate
        self._vapid_public_key = vapid_public_key
        self._registered = registered
        self._allow_private = allow_private

    async def RegisterEndpoint(
        self, request: push_pb2.RegisterEndpointRequest, context: Context
    ) -> push_pb2.RegisterEndpointResponse:
        """Register an endpoint, which gets a challenge unless it is confirmed already."""
        user_id = caller().user_id
        url, subscription = self._url(request.endpoint), _subscription(request)
        endpoint_id = await self._endpoints.find_confirmed(user_id, subscription)
        if endpoint_id is None:
            # Before the host is looked up, which takes a thread.
            await self._rate.take(user_id, address_of(context))
            await self._require_public(url)
            endpoint_id = await self._endpoints.register(user_id, subscription)
            self._registered()
        return push_pb2.RegisterEndpointResponse(id=str(endpoint_id))

    async def ConfirmEndpoint(
        self, request: push_pb2.ConfirmEndpointRequest, context: Context
    ) -> push_pb2.ConfirmEndpointResponse:
        """Confirm an endpoint with its challenge."""
        try:
            challenge = base64url.decode(request.challenge.rstrip("="))
        except ValueError:
            challenge = None
        await self._endpoints.confirm(caller().user_id, UUID(request.id), challenge)
        return push_pb2.ConfirmEndpointResponse()

    async def ListEndpoints(
        self, request: push_pb2.ListEndpointsRequest, context: Context
    ) -> push_pb2.ListEndpointsResponse:
        """Return the caller's endpoints and the server's key."""
        response = push_pb2.ListEndpointsResponse(vapid_public_key=self._vapid_public_key)
        for endpoint in await self._endpoints.list(caller().user_id):
            message = response.endpoints.add(
                id=str(endpoint.id), endpoint=endpoint.endpoint, confirmed=endpoint.is_confirmed
            )
            set_time(message.create_time, endpoint.created)
        return response

    async def DeleteEndpoint(
        self, request: push_pb2.DeleteEndpointRequest, context: Context
    ) -> push_pb2.DeleteEndpointResponse:
        """Delete an endpoint."""
        await self._endpoints.delete(caller().user_id, UUID(request.id))
        return push_pb2.DeleteEndpointResponse()

    def _url(self, endpoint: str) -> EndpointUrl:
        try:
            return parse_endpoint(endpoint, allow_private=self._allow_private)
        except ValueError as error:
            raise invalid_field("endpoint", str(error)) from None

    async def _require_public(self, url: EndpointUrl) -> None:
        try:
            await self._addresses.of(url.host)
        # One error for both: whether a name exists in the server's own network is secret.
        except (ForbiddenAddress, OSError):
            raise invalid_field("endpoint", _NOT_PUBLIC) from None


def _subscription(request: push_pb2.RegisterEndpointRequest) -> Subscription:
    try:
        p256dh = parse_public_key(request.keys.p256dh)
    except ValueError:
        raise invalid_field("keys.p256dh", "must be a point on the curve P-256") from None
    try:
        auth = parse_auth(request.keys.auth)
    except ValueError:
        raise invalid_field("keys.auth", "must be 16 bytes, base64url") from None
    return Subscription(request.endpoint, p256dh, auth)


class DisabledPushService(push_pb2_grpc.PushServiceServicer):
    """Servicer of a server without a key for pushes."""

    async def RegisterEndpoint(
        self, request: push_pb2.RegisterEndpointRequest, context: Context
    ) -> push_pb2.RegisterEndpointResponse:
        """Refuse."""
        raise _disabled()

    async def ConfirmEndpoint(
        self, request: push_pb2.ConfirmEndpointRequest, context: Context
    ) -> push_pb2.ConfirmEndpointResponse:
        """Refuse."""
        raise _disabled()

    async def ListEndpoints(
        self, request: push_pb2.ListEndpointsRequest, context: Context
    ) -> push_pb2.ListEndpointsResponse:
        """Refuse."""
        raise _disabled()

    async def DeleteEndpoint(
        self, request: push_pb2.DeleteEndpointRequest, context: Context
    ) -> push_pb2.DeleteEndpointResponse:
        """Refuse."""
        raise _disabled()


def _disabled() -> FeatureDisabled:
    return FeatureDisabled(
        f"Not set up on this server: {SETTING} is not set. Use another server.",
        reason="FEATURE_DISABLED",
    )
