"""Google Play: the token is the purchase token of a one-time product or of a subscription.

Which of both it does not say, so the product is asked for first. Google Play Developer API v3:
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

from server.services.ai.purchase.store_client import Answer, StoreClient, segment

SCOPE = "https://www.googleapis.com/auth/androidpublisher"
TOKEN_TIMEOUT_SECONDS = 8.0

_PURCHASED = 0
_ACTIVE = ("SUBSCRIPTION_STATE_ACTIVE", "SUBSCRIPTION_STATE_IN_GRACE_PERIOD")
_CANCELED = "SUBSCRIPTION_STATE_CANCELED"
# 404 is also said of an app that the service account does not know: that is no fault of the token.
_OUR_FAULTS = ("applicationNotFound",)


@dataclass(frozen=True)
class GoogleVerifier:
    """Asks Google Play. `now` gives seconds since 1970."""

    client: StoreClient
    url: str
    package: str
    product: str
    subscription: str
    service_account: "ServiceAccount"
    now: Callable[[], float]

    async def verify(self, token: str) -> bool:
        """Whether the token is that of a purchase of ours. Raises Unavailable."""
        encoded = segment(token)
        if encoded is None:
            return False
        answer = await self._ask(f"products/{segment(self.product)}/tokens/{encoded}")
        is_paid = _is_purchased
        if not answer.is_success:
            answer = await self._ask(f"subscriptionsv2/tokens/{encoded}")
            is_paid = self._is_subscribed
        try:
            return answer.is_success and is_paid(answer.body)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self.client.unavailable("not a purchase's state") from None

    async def _ask(self, path: str) -> Answer:
        answer = await self.client.get(
            f"{self.url}/androidpublisher/v3/applications/{segment(self.package)}/purchases/{path}",
            bearer=await self._access_token(),
        )
        if any(reason in _OUR_FAULTS for reason in _reasons(answer)):
            raise self.client.misconfigured("the app is unknown", status=answer.status)
        return answer

    async def _access_token(self) -> str:
        try:
            return await self.service_account.access_token()
        except TransportError:
            raise self.client.unavailable("no access token: out of reach") from None
        except GoogleAuthError as error:
            raise self.client.misconfigured(
                "no access token: the service account was refused", error=type(error).__name__
            ) from None
        except (KeyError, TypeError, ValueError):
            raise self.client.unavailable("no access token: not what OAuth answers") from None

    def _is_subscribed(self, body: dict[str, Any]) -> bool:
        items = [item for item in body["lineItems"] if item["productId"] == self.subscription]
        state = body["subscriptionState"]
        if state == _CANCELED:
            # It ends when what was paid for ends.
            return any(self._is_ahead(item["expiryTime"]) for item in items)
        return state in _ACTIVE and bool(items)

    def _is_ahead(self, time: str) -> bool:
        return dt.datetime.fromisoformat(time).timestamp() > self.now()


class ServiceAccount:
    """Has an access token for the API, and gets the next one when it is time."""

    def __init__(self, key: Mapping[str, Any]) -> None:
        """Raises ValueError if `key` is not what Google calls a service account key."""
        self._credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            key, scopes=[SCOPE]
        )
        self._lock = asyncio.Lock()

    async def access_token(self) -> str:
        """An access token. Raises google.auth's errors."""
        # The first who needs a new one gets it for all who wait.
        async with self._lock:
            if not self._credentials.valid:
                # google-auth blocks: a thread of its own.
                await asyncio.to_thread(self._credentials.refresh, _Transport())
            return str(self._credentials.token)


class _Transport(Request):
    """Makes google-auth's requests, once an hour and therefore over a connection of their own."""

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
            # Said here because google-auth would wait and ask again, longer than the call may take.
            raise TransportError(str(response.status_code))  # type: ignore[no-untyped-call]
        return _Response(response)


class _Response(Response):
    """What google-auth reads of a response."""

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


def _reasons(answer: Answer) -> list[str]:
    """The reasons in an error, `{"error": {"errors": [{"reason"}]}}`."""
    try:
        return [str(fault["reason"]) for fault in answer.body["error"]["errors"]]
    except (KeyError, TypeError):
        return []
