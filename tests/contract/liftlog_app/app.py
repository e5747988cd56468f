"""LiftLog's app as of September 2026, as a client of one backend.

Written from the contract with Python's standard library alone: nothing is shared with the server.
"""

import base64
import json
import secrets
import uuid
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 30
FAR = "2035-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Reply:
    """A reply over HTTP."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """Return the reason of an error."""
        return str(self.json["details"][0]["reason"])


@dataclass
class App:
    """The app with a backend that a person entered: a base URL and free headers."""

    url: str
    headers: list[tuple[str, str]] = field(default_factory=list)

    def send(
        self,
        verb: str,
        path: str,
        body: Any = None,
        *,
        extra: tuple[tuple[str, str], ...] = (),
        chunked: bool = False,
    ) -> Reply:
        """Send a request with the free headers. A body is JSON, or bytes as they are."""
        place = urlsplit(self.url)
        connection = HTTPConnection(str(place.hostname), place.port, timeout=TIMEOUT)
        is_file = isinstance(body, bytes)
        data = body if is_file or body is None else json.dumps(body).encode()
        try:
            connection.putrequest(verb, place.path + path)
            # Sentry's, and those of the app's fetch.
            connection.putheader(
                "sentry-trace", f"{secrets.token_hex(16)}-{secrets.token_hex(8)}-0"
            )
            connection.putheader("baggage", "sentry-environment=production,sentry-release=4.0.1")
            for name, value in (*self.headers, *extra):
                connection.putheader(name, value)
            if data is not None:
                kind = "application/octet-stream" if is_file else "application/json"
                connection.putheader("Content-Type", kind)
                length = (
                    ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", len(data))
                )
                connection.putheader(*length)
            parts = [data[at : at + 65_536] for at in range(0, len(data or b""), 65_536)]
            connection.endheaders(iter(parts) if chunked else data, encode_chunked=chunked)
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    # --- Settings → Backends ---

    def test(self, *, backup: bool = False) -> str:
        """Press the button: name the problem, or return an empty text."""
        found = self.send("GET", "/features")
        if not 200 <= found.status < 300:
            return f"not LiftLog: {found.status}"
        try:
            features = found.json
        except ValueError:
            return "not LiftLog: no JSON"
        if not isinstance(features, dict):
            return "not LiftLog: no object"
        if backup:
            if features.get("backup") is not True:
                return "no backups"
            probe = self.send("POST", "/backup", b"", extra=(("X-LiftLog-Probe", "1"),))
            if probe.status != 200:
                return f"backup refused: {probe.status}"
        return ""

    def back_up(self, file: bytes, *, chunked: bool = False) -> Reply:
        """Send a backup."""
        return self.send("POST", "/backup", file, chunked=chunked)

    # --- Feed ---

    def create_user(self) -> "Person":
        """Create the feed's account."""
        created = self.send("POST", "/user/create", {})
        assert created.status == 200, created
        return Person(self, created.json["id"], created.json["lookup"], created.json["password"])


@dataclass(frozen=True)
class Person:
    """A person's account in the feed."""

    app: App
    id: str
    lookup: str
    password: str

    @property
    def _me(self) -> dict[str, str]:
        return {"userId": self.id, "password": self.password}

    def update(self) -> Reply:
        """Publish the profile."""
        body = {
            "id": self.id,
            "password": self.password,
            "encryptedName": _random(20),
            "encryptionIV": _random(16),
            "rsaPublicKey": _random(294),
        }
        return self.app.send("PUT", "/user", body)

    def accept(self) -> str:
        """Store a follow secret; return it."""
        secret = str(uuid.uuid4())
        put = self.app.send("PUT", "/follow-secret", {**self._me, "followSecret": secret})
        assert put.status == 200, put
        return secret

    def publish(self) -> str:
        """Publish an event; return its payload."""
        payload = _random(400)
        body = {
            **self._me,
            "eventId": str(uuid.uuid4()),
            "encryptedEventPayload": payload,
            "encryptedEventIV": _random(16),
            "expiry": FAR,
        }
        put = self.app.send("PUT", "/event", body)
        assert put.status == 200, put
        return payload

    def poll(self, other: "Person", secret: str) -> Reply:
        """Read another person's events."""
        entry = {
            "userId": other.id,
            "followSecret": secret,
            "since": "0001-01-01T00:00:00.000Z",
        }
        return self.app.send("POST", "/events", {"users": [entry]})

    def request_to_follow(self, other: "Person") -> Reply:
        """Send a message to another person's inbox."""
        body = {"toUserId": other.id, "encryptedMessage": [_random(256), _random(256)]}
        return self.app.send("PUT", "/inbox", body)

    def read_inbox(self) -> Reply:
        """Read and remove one's messages."""
        return self.app.send("POST", "/inbox", self._me)

    def share(self) -> Reply:
        """Share an item; its id is in the reply."""
        payload = {"encryptedPayload": _random(900), "iv": {"value": _random(16)}}
        body = {**self._me, "encryptedPayload": payload, "expiry": FAR}
        return self.app.send("POST", "/shareditem", body)

    def delete(self) -> Reply:
        """Delete the account."""
        return self.app.send("POST", "/user/delete", {"id": self.id, "password": self.password})


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()
