"""HTTP client of the stores, which returns a usable response or raises Unavailable.

Only the store's name and a status are logged. Requests and responses contain tokens, and requests
also contain our own secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2
import structlog

from server.errors import Unavailable
from server.services.ai.purchase.model import Store, store_unavailable

# Statuses for a token that is malformed, unknown or deleted. No other error is about the token.
_INVALID_TOKEN = (400, 404, 410, 422)

_log = structlog.get_logger("purchase")


@dataclass(frozen=True, slots=True)
class StoreResponse:
    """The response of a store about a token: an object, or an error for an invalid token."""

    status: int
    body: dict[str, Any]

    @property
    def is_success(self) -> bool:
        """True if the store knows the token."""
        return self.status < 300


class StoreClient:
    """Client of one store's servers."""

    def __init__(self, http: httpx2.AsyncClient, store: Store) -> None:
        self._http = http
        self._store = store

    async def get(self, url: str, *, bearer: str) -> StoreResponse:
        """Send a GET request. Raises Unavailable without a usable response."""
        return await self._request("GET", url, headers={"authorization": f"Bearer {bearer}"})

    async def post(self, url: str, content: Mapping[str, object]) -> StoreResponse:
        """Send a POST request with JSON. Raises Unavailable as `get` does."""
        return await self._request("POST", url, json=content)

    def unavailable(self, why: str, **details: str | int) -> Unavailable:
        """Log the reason, and return the error to raise."""
        _log.warning("store_unavailable", store=self._store.value, why=why, **details)
        return store_unavailable()

    def misconfigured(self, why: str, **details: str | int) -> Unavailable:
        """Log a reason that only the operator can fix, and return the error to raise."""
        _log.error("store_misconfigured", store=self._store.value, why=why, **details)
        return store_unavailable()

    async def _request(self, method: str, url: str, **content: Any) -> StoreResponse:
        response = await self._send(method, url, **content)
        status = response.status_code
        if status in (401, 403):
            raise self.misconfigured("credentials refused", status=status)
        if not 200 <= status < 300 and status not in _INVALID_TOKEN:
            raise self.unavailable("unexpected HTTP status", status=status)
        return StoreResponse(status, self._body(response))

    async def _send(self, method: str, url: str, **content: Any) -> httpx2.Response:
        try:
            try:
                return await self._http.request(method, url, **content)
            except (httpx2.NetworkError, httpx2.RemoteProtocolError):
                # A kept-alive connection may have been closed at that moment. The request changes
                # nothing, so it can be repeated.
                return await self._http.request(method, url, **content)
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            # Without the error's text, which may quote the URL with the token.
            raise self.unavailable("connection failed", error=type(error).__name__) from None

    def _body(self, response: httpx2.Response) -> dict[str, Any]:
        try:
            body = response.json()
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            return body
        if response.status_code >= 400:
            return {}
        raise self.unavailable("not a JSON object", status=response.status_code)


def path_segment(text: str) -> str | None:
    """Return `text` as one segment of a URL's path, or None if it consists of dots."""
    return quote(text, safe="") if text.strip(".") else None
