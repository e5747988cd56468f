"""Verifier of RevenueCat's tokens, which are app user ids with an entitlement.

With a project, REST API v2 is used, otherwise v1. v2 names the entitlement by its id (`entl…`), v1
by its identifier.
https://www.revenuecat.com/docs/api-v2, https://www.revenuecat.com/docs/api-v1
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from server.services.ai.purchase.store_client import StoreClient, path_segment

# More than the entitlements of any project.
_PAGE = 100


@dataclass(frozen=True, slots=True)
class RevenueCatVerifier:
    """Verifier that calls RevenueCat, v1 if `project` is None. `now` returns seconds since 1970."""

    client: StoreClient
    url: str
    api_key: SecretStr
    entitlement: str
    project: str | None
    now: Callable[[], float]

    async def verify(self, token: str) -> bool:
        """Check whether the app user has the entitlement. Raises Unavailable."""
        user = path_segment(token)
        if user is None:
            return False
        if self.project is None:
            path, has_entitlement = f"v1/subscribers/{user}", self._has_v1
        else:
            customer = f"v2/projects/{path_segment(self.project)}/customers/{user}"
            path = f"{customer}/active_entitlements?limit={_PAGE}"
            has_entitlement = self._has_v2
        response = await self.client.get(
            f"{self.url}/{path}", bearer=self.api_key.get_secret_value()
        )
        if not response.is_success:
            return False
        try:
            return has_entitlement(response.body)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self.client.unavailable("malformed response") from None

    def _has_v2(self, body: dict[str, Any]) -> bool:
        # The list holds active entitlements, including those in RevenueCat's grace periods.
        return any(item["entitlement_id"] == self.entitlement for item in body["items"])

    def _has_v1(self, body: dict[str, Any]) -> bool:
        entitlement = body["subscriber"]["entitlements"].get(self.entitlement)
        if entitlement is None:
            return False
        ends = entitlement["expires_date"], entitlement.get("grace_period_expires_date")
        return ends[0] is None or any(end and _seconds(end) > self.now() for end in ends)


def _seconds(time: str) -> float:
    return dt.datetime.fromisoformat(time).timestamp()
