"""RevenueCat: the token is the app user id, and an entitlement says what they bought.

REST API v2 where a project is named, else v1. v2 names the entitlement by its id (`entl…`), v1 by
its identifier.
https://www.revenuecat.com/docs/api-v2, https://www.revenuecat.com/docs/api-v1
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from server.services.ai.purchase.store_client import StoreClient, segment

# More than a project has entitlements.
_PAGE = 100


@dataclass(frozen=True)
class RevenueCatVerifier:
    """Asks RevenueCat. `project` None: v1. `now` gives seconds since 1970."""

    client: StoreClient
    url: str
    api_key: SecretStr
    entitlement: str
    project: str | None
    now: Callable[[], float]

    async def verify(self, token: str) -> bool:
        """Whether the app user has the entitlement. Raises Unavailable."""
        user = segment(token)
        if user is None:
            return False
        if self.project is None:
            path, has_entitlement = f"v1/subscribers/{user}", self._has_v1
        else:
            customer = f"v2/projects/{segment(self.project)}/customers/{user}"
            path = f"{customer}/active_entitlements?limit={_PAGE}"
            has_entitlement = self._has_v2
        answer = await self.client.get(f"{self.url}/{path}", bearer=self.api_key.get_secret_value())
        if not answer.is_success:
            return False
        try:
            return has_entitlement(answer.body)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self.client.unavailable("not what v1 or v2 answer") from None

    def _has_v2(self, body: dict[str, Any]) -> bool:
        # The list holds what counts now, with RevenueCat's own periods of grace.
        return any(item["entitlement_id"] == self.entitlement for item in body["items"])

    def _has_v1(self, body: dict[str, Any]) -> bool:
        entitlement = body["subscriber"]["entitlements"].get(self.entitlement)
        if entitlement is None:
            return False
        ends = entitlement["expires_date"], entitlement.get("grace_period_expires_date")
        return ends[0] is None or any(end and _seconds(end) > self.now() for end in ends)


def _seconds(time: str) -> float:
    return dt.datetime.fromisoformat(time).timestamp()
