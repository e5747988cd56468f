"""The load of a household in an evening, in the time that one round of requests takes.

Six phones publish workouts and poll each other, change their pictures, keep a training log, and
have the planner's chat open. One of them imports a file.
"""

import asyncio
import base64
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
from websockets.asyncio.client import connect

from benchmarks.imports import strong_file
from benchmarks.seed import EVENT_BYTES, IV_BYTES, KEY_BYTES, NAME_BYTES, PASSWORD

PHONES = 6
EVENTS, POLLS, WORKOUTS = 20, 60, 20
# One picture is as large as it may be.
PICTURE_BYTES = (2_000 * 1024, *(PHONES - 1) * (100 * 1024,))
IMPORTED_WORKOUTS = 500
TIMEOUT = 120.0
FOREVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, eq=False)
class Phone:
    """A person with an anonymous user for the feed and an account for the training log."""

    http: httpx2.AsyncClient
    user_id: str
    password: str
    secret: str
    token: str

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Make a request of the training log and return its JSON."""
        headers = {"authorization": f"Bearer {self.token}"}
        return await _call(self.http, method, path, body, headers=headers, **options)

    async def publish(self, picture_bytes: int) -> None:
        """Change the picture, then publish events."""
        own = {"userId": self.user_id, "password": self.password}
        profile = {
            "id": self.user_id,
            "password": self.password,
            "encryptedProfilePicture": _random(picture_bytes),
            "encryptedName": _random(NAME_BYTES),
            "encryptionIV": _random(IV_BYTES),
            "rsaPublicKey": _random(KEY_BYTES),
        }
        await _call(self.http, "PUT", "/v2/user", profile)
        expiry = (datetime.now(UTC) + timedelta(days=90)).isoformat()
        for _ in range(EVENTS):
            event = {
                "eventId": str(uuid4()),
                "encryptedEventPayload": _random(EVENT_BYTES),
                "encryptedEventIV": _random(IV_BYTES),
                "expiry": expiry,
            }
            await _call(self.http, "PUT", "/v2/event", own | event)

    async def open_feed(self, others: list["Phone"]) -> None:
        """Read the profiles of the others, with their pictures."""
        await _call(self.http, "POST", "/v2/users", {"ids": [each.user_id for each in others]})

    async def poll(self, others: list["Phone"]) -> None:
        """Read the events of the others again and again."""
        users = [
            {"userId": each.user_id, "followSecret": each.secret, "since": FOREVER}
            for each in others
        ]
        for _ in range(POLLS):
            found = await _call(self.http, "POST", "/v2/events", {"users": users})
            times = [event["timestamp"] for event in found["events"]]
            for user in users:
                user["since"] = max([user["since"], *times])

    async def train(self) -> None:
        """Add workouts and list them, with all sets."""
        sets = [{"reps": reps, "weight": {"value": 82.5, "unit": "kg"}} for reps in range(5, 10)]
        exercises = [{"name": name, "sets": sets} for name in ("Squat", "Bench Press", "Deadlift")]
        for day in range(WORKOUTS):
            date = f"{datetime.now(UTC) - timedelta(days=day):%Y-%m-%d}"
            workout = {"date": date, "type": "Lifting", "duration": 60, "exercises": exercises}
            await self.call("POST", "/v2/workouts", workout)
        for _ in range(WORKOUTS):
            await self.call("GET", "/v2/workouts?page_size=50&view=full")

    async def import_file(self) -> None:
        """Import a file with 20,000 sets."""
        data = strong_file(IMPORTED_WORKOUTS)
        found = await self.call("POST", "/v2/workouts/import?unit=kg", content=data)
        assert found["added"] == IMPORTED_WORKOUTS, found


async def spend_an_evening(url: str, api_key: str) -> None:
    """Put the load on the stack at `url`, whose API_KEY is `api_key`."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=TIMEOUT))
            for _ in range(PHONES)
        ]
        for hub in ("ai-chat", "ai-chat-v2") * (PHONES // 2):
            address = f"{url.replace('http', 'ws', 1)}/{hub}"
            await stack.enter_async_context(
                connect(address, additional_headers={"x-api-key": api_key})
            )
        phones = [await _join(http) for http in clients]
        others = {phone: [each for each in phones if each is not phone] for phone in phones}
        await asyncio.gather(*map(Phone.publish, phones, PICTURE_BYTES))
        # One after the other: this takes a moment once an evening.
        for phone in phones:
            await phone.open_feed(others[phone])
        async with asyncio.TaskGroup() as group:
            group.create_task(phones[0].import_file())
            for phone in phones:
                group.create_task(phone.poll(others[phone]))
                group.create_task(phone.train())


async def _join(http: httpx2.AsyncClient) -> Phone:
    user = await _call(http, "POST", "/v2/user/create", {})
    secret = secrets.token_hex(16)
    own = {"userId": user["id"], "password": user["password"]}
    await _call(http, "PUT", "/v2/follow-secret", own | {"followSecret": secret})
    account = {"username": f"somebody {uuid4()}", "password": PASSWORD}
    await _call(http, "POST", "/v2/auth/register", account)
    tokens = await _call(http, "POST", "/v2/auth/login", account)
    return Phone(http, user["id"], user["password"], secret, tokens["access_token"])


async def _call(
    http: httpx2.AsyncClient, method: str, path: str, body: Any = None, **options: Any
) -> Any:
    response = await http.request(method, path, json=body, **options)
    assert response.is_success, (path, response.status_code, response.text[:500])
    return response.json()


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()
