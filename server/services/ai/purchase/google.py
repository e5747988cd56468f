"""Verifier of Google Play's purchase tokens, of a one-time product or of a subscription.

The token does not tell which of both, so the product is requested first. Google Play Developer API
v3:
https://developers.google.com/android-publisher/api-ref/rest/v3/purchases.products/get
https://developers.google.com/android-publisher/api-ref/rest/v3/purchases.subscriptionsv2/get
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport import Request, Response
from google.oauth2.service_account import Credentials

from server.services.ai.purchase.store_client import StoreClient, StoreResponse, path_segment

SCOPE = "https://www.googleapis.com/auth/androidpublisher"
TOKEN_TIMEOUT_SECONDS = 8.0

_PURCHASED = 0
_ACTIVE = ("SUBSCRIPTION_STATE_ACTIVE", "SUBSCRIPTION_STATE_IN_GRACE_PERIOD")
_CANCELED = "SUBSCRIPTION_STATE_CANCELED"
# Also a 404, but caused by the configuration: the service account does not know the app.
_MISCONFIGURED = ("applicationNotFound",)


@dataclass(frozen=True, slots=True)
class GoogleVerifier:
    """Verifier that calls Google Play. `now` returns seconds since 1970."""

    client: StoreClient
    url: str
    package: str
    product: str
    subscription: str
    service_account: "ServiceAccount"
    now: Callable[[], float]

    async def verify(self, token: str) -> bool:
        """Check whether the token stands for a valid purchase. Raises Unavailable."""
        encoded = path_segment(token)
        if encoded is None:
            return False
        response = await self._get(f"products/{path_segment(self.product)}/tokens/{encoded}")
        is_valid = _is_purchased
        if not response.is_success:
            response = await self._get(f"subscriptionsv2/tokens/{encoded}")
            is_valid = self._is_subscribed
        try:
            return response.is_success and is_valid(response.body)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self.client.unavailable("malformed purchase") from None

    async def _get(self, path: str) -> StoreResponse:
        response = await self.client.get(
            f"{self.url}/androidpublisher/v3/applications/{path_segment(self.package)}/purchases/{path}",
            bearer=await self._access_token(),
        )
        if any(reason in _MISCONFIGURED for reason in _reasons(response)):
            raise self.client.misconfigured("unknown app", status=response.status)
        return response

    async def _access_token(self) -> str:
        try:
            return await self.service_account.access_token()
        except TransportError:
            raise self.client.unavailable("no access token: OAuth is unreachable") from None
        except GoogleAuthError as error:
            raise self.client.misconfigured(
                "no access token: the service account was refused", error=type(error).__name__
            ) from None
        except (KeyError, TypeError, ValueError):
            raise self.client.unavailable("no access token: malformed OAuth response") from None

    def _is_subscribed(self, body: dict[str, Any]) -> bool:
        items = [item for item in body["lineItems"] if item["productId"] == self.subscription]
        state = body["subscriptionState"]
        if state == _CANCELED:
            # Valid until the end of the paid period.
            return any(self._is_future(item["expiryTime"]) for item in items)
        return state in _ACTIVE and bool(items)

    def _is_future(self, time: str) -> bool:
        return dt.datetime.fromisoformat(time).timestamp() > self.now()


class ServiceAccount:
    """Service account with a cached access token."""

    def __init__(self, key: Mapping[str, Any]) -> None:
        """Raise ValueError unless `key` is a service account key."""
        self._credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            key, scopes=[SCOPE]
        )
        self._lock = asyncio.Lock()

    async def access_token(self) -> str:
        """Return an access token. Raises google.auth's errors."""
        # The first caller refreshes the token for all that wait.
        async with self._lock:
            if not self._credentials.valid:
                # google-auth blocks, so it runs in a thread.
                await asyncio.to_thread(self._credentials.refresh, _Transport())
            return str(self._credentials.token)


class _Transport(Request):
    """Transport of google-auth. Requests are hourly, so each has a connection of its own."""

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None,
        timeout: float | None = None, **_: Any,
    ) -> Response:  # fmt: skip
        try:
            response = httpx2.request(
                method, url, content=body, headers=headers, timeout=TOKEN_TIMEOUT_SECONDS
            )
        except httpx2.RequestError as error:
            raise TransportError(type(error).__name__) from None  # type: ignore[no-untyped-call]
        if response.status_code == 429 or response.status_code >= 500:
            # Raised here, because google-auth would retry for longer than the call may take.
            raise TransportError(str(response.status_code))  # type: ignore[no-untyped-call]
        return _Response(response)


class _Response(Response):
    """Response in the form that google-auth reads."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def data(self) -> bytes:
        return self._response.content


def _is_purchased(body: dict[str, Any]) -> bool:
    state = body["purchaseState"]
    if type(state) is not int:
        raise TypeError
    return state == _PURCHASED


def _reasons(response: StoreResponse) -> list[str]:
    """Return the reasons in an error, `{"error": {"errors": [{"reason"}]}}`."""
    try:
        return [str(error["reason"]) for error in response.body["error"]["errors"]]
    except (KeyError, TypeError):
        return []
