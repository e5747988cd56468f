"""How stores are asked over HTTP: what they answer, or Unavailable.

Nothing of a question or an answer reaches the log but the store's name and a status: tokens stand
in both, and our own secrets in the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2
import structlog

from server.errors import Unavailable
from server.services.ai.purchase.model import Store, store_unavailable

# What stores say of a token that is malformed, unknown or forgotten. Any other status says nothing
# about the token.
_REFUSED = (400, 404, 410, 422)

_log = structlog.get_logger("purchase")


@dataclass(frozen=True)
class Answer:
    """What a store said about a token: an object, or that it is none of its own."""

    status: int
    body: dict[str, Any]

    @property
    def is_success(self) -> bool:
        """Whether the store knows what it was asked for."""
        return self.status < 300


class StoreClient:
    """Asks the servers of one store."""

    def __init__(self, http: httpx2.AsyncClient, store: Store) -> None:
        self._http = http
        self._store = store

    async def get(self, url: str, *, bearer: str) -> Answer:
        """Asks with GET. Raises Unavailable if there is no answer that says something."""
        return await self._ask("GET", url, headers={"authorization": f"Bearer {bearer}"})

    async def post(self, url: str, content: Mapping[str, object]) -> Answer:
        """Asks with POST and JSON. Raises Unavailable as `get` does."""
        return await self._ask("POST", url, json=content)

    def unavailable(self, why: str, **details: str | int) -> Unavailable:
        """Logs why nothing is known, and gives the error to raise."""
        _log.warning("a store gave no answer", store=self._store.value, why=why, **details)
        return store_unavailable()

    def misconfigured(self, why: str, **details: str | int) -> Unavailable:
        """The same where only whoever runs this server can help."""
        _log.error("a store does not know us", store=self._store.value, why=why, **details)
        return store_unavailable()

    async def _ask(self, method: str, url: str, **content: Any) -> Answer:
        response = await self._response(method, url, **content)
        status = response.status_code
        if status in (401, 403):
            raise self.misconfigured("our credentials were refused", status=status)
        if not 200 <= status < 300 and status not in _REFUSED:
            raise self.unavailable("status", status=status)
        return Answer(status, self._body(response))

    async def _response(self, method: str, url: str, **content: Any) -> httpx2.Response:
        try:
            try:
                return await self._http.request(method, url, **content)
            except (httpx2.NetworkError, httpx2.RemoteProtocolError):
                # A connection that was kept may have been closed at that moment. Asking changes
                # nothing, so it may be done twice.
                return await self._http.request(method, url, **content)
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            # Without the error's own words: they may quote the URL, and it holds the token.
            raise self.unavailable("connection", error=type(error).__name__) from None

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


def segment(text: str) -> str | None:
    """`text` as one segment of a URL's path; None if it would be read as a way through the path."""
    return quote(text, safe="") if text.strip(".") else None
