"""One push: its contents, and the meaning of the response."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from server.libraries.common import base64url
from server.services.push.addresses import Addresses, ForbiddenAddress
from server.services.push.endpoint_url import EndpointUrl, parse_endpoint
from server.services.push.host_rate import HostRate, TooManyPushes
from server.services.push.model import DuePush
from server.services.push.vapid import Vapid

if TYPE_CHECKING:
    from server.services.push.http_client import HttpClient, PushResponse

LOOK = b'{"inbox":"waiting"}'
LOOK_SECONDS = 24 * 3600
CHALLENGE_SECONDS = 600
# Of one push service, so that a slow one leaves room for others.
MAX_IN_FLIGHT = 16
BUSY_PAUSE = timedelta(seconds=5)
FIRST_PAUSE = timedelta(minutes=1)
MAX_PAUSE = timedelta(hours=6)
MAX_RETRY_AFTER = timedelta(days=1)

_ACCEPTED = (200, 201, 202, 204)
_GONE = (404, 410)
_TOO_MANY = 429
_UNAVAILABLE = 503


class Result(StrEnum):
    """The result of a push, as it is counted."""

    ACCEPTED = "accepted"
    # The endpoint does not exist any more.
    GONE = "gone"
    # It makes no sense to send the push again.
    REFUSED = "refused"
    FAILED = "failed"
    # It was not sent: too many others were.
    POSTPONED = "postponed"
    # The host has addresses that are not public.
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a push, with the pause until the next attempt if there is one."""

    result: Result
    pause: timedelta = FIRST_PAUSE


class Pusher:
    """Sender of single pushes."""

    def __init__(
        self,
        addresses: Addresses,
        vapid: Vapid,
        rate: HostRate,
        *,
        allow_private: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._addresses = addresses
        self._vapid = vapid
        self._rate = rate
        self._allow_private = allow_private
        self._now = now
        self._in_flight = Counter[str]()
        self._client: HttpClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._client:
            await self._client.close()

    async def push(self, push: DuePush) -> Outcome:
        """Send a push."""
        try:
            url = parse_endpoint(push.subscription.endpoint, allow_private=self._allow_private)
        except ValueError:
            # It was registered when private addresses were allowed.
            return Outcome(Result.FORBIDDEN)
        if self._in_flight[url.host] >= MAX_IN_FLIGHT:
            return Outcome(Result.POSTPONED, BUSY_PAUSE)
        try:
            async with self._counted(url.host):
                if wait := await self._rate.take(url.host):
                    raise TooManyPushes(wait)
                response = await self._send(url, push)
        except ForbiddenAddress:
            return Outcome(Result.FORBIDDEN)
        except TooManyPushes as error:
            return Outcome(Result.POSTPONED, timedelta(seconds=error.wait))
        return self._outcome(response, push)

    @asynccontextmanager
    async def _counted(self, host: str) -> AsyncIterator[None]:
        self._in_flight[host] += 1
        try:
            yield
        finally:
            self._in_flight[host] -= 1
            if not self._in_flight[host]:
                del self._in_flight[host]

    async def _send(self, url: EndpointUrl, push: DuePush) -> "PushResponse | None":
        # Imported with the first push: they take memory.
        from server.services.push.encryption import encrypt
        from server.services.push.http_client import HttpClient

        self._client = self._client or HttpClient(self._addresses, self._rate)
        payload, headers = _contents(push)
        keys = push.subscription
        body = encrypt(payload, p256dh=keys.p256dh, auth=keys.auth)
        headers |= {"Authorization": self._vapid.authorization(url.origin)}
        return await self._client.post(url, headers, body)

    def _outcome(self, response: "PushResponse | None", push: DuePush) -> Outcome:
        status = response.status if response else None
        if status in _ACCEPTED:
            return Outcome(Result.ACCEPTED)
        if status in _GONE:
            return Outcome(Result.GONE)
        # A redirect as well: it may lead anywhere.
        if status is not None and status != _TOO_MANY and status < 500:
            return Outcome(Result.REFUSED)
        pause = backoff(push.failures)
        if response and response.retry_after and status in (_TOO_MANY, _UNAVAILABLE):
            pause = max(pause, retry_after(response.retry_after, self._now()))
        return Outcome(Result.FAILED, pause)


def _contents(push: DuePush) -> tuple[bytes, dict[str, str]]:
    """Return the payload of a push, and its headers. The payload never tells what arrived."""
    payload, topic, seconds, urgency = LOOK, "inbox", LOOK_SECONDS, "normal"
    if push.challenge is not None:
        challenge = {
            "challenge": base64url.encode(push.challenge),
            "endpointId": str(push.endpoint_id),
        }
        payload = json.dumps(challenge, separators=(",", ":")).encode()
        topic, seconds, urgency = "challenge", CHALLENGE_SECONDS, "high"
    return payload, {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(seconds),
        # A push service keeps the newest one of a topic only.
        "Topic": topic,
        "Urgency": urgency,
    }


def backoff(failures: int) -> timedelta:
    """Return the pause after one more failure: a minute, doubled with each, up to six hours."""
    return min(FIRST_PAUSE * (1 << min(failures, 10)), MAX_PAUSE)


def retry_after(text: str, now: datetime) -> timedelta:
    """Return the pause that a Retry-After asks for, at most a day; none if it is malformed."""
    try:
        pause = timedelta(seconds=int(text)) if text.isdecimal() else _until(text, now)
    except (ValueError, OverflowError):
        return timedelta()
    return min(max(pause, timedelta()), MAX_RETRY_AFTER)


def _until(text: str, now: datetime) -> timedelta:
    time = parsedate_to_datetime(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) - now
