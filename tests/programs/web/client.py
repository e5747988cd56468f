"""A SignalR client that sends exactly what a test specifies."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed

END = "\x1e"
HELLO = {"protocol": "json", "version": 1}
TIMEOUT = 10

Message = dict[str, Any]


def message(text: str) -> Message:
    """Return a text message of either hub."""
    return {"type": "messageResponse", "message": text}


def failure(error: str) -> tuple[list[Message], str]:
    """Return the messages and the error of a call that fails without an answer."""
    return [message(error)], error


class Signal:
    """A SignalR connection over a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._records: list[Message] = []
        self._calls = 0

    async def send(self, *messages: Message) -> None:
        """Send messages in one frame."""
        await self.socket.send("".join(json.dumps(message) + END for message in messages))

    async def receive(self) -> Message:
        """Return the next message except pings."""
        while (message := await self.receive_any()).get("type") == 6:
            pass
        return message

    async def receive_any(self) -> Message:
        """Return the next message."""
        async with asyncio.timeout(TIMEOUT):
            while not self._records:
                frame = await self.socket.recv()
                assert isinstance(frame, str)
                assert frame.endswith(END)
                self._records = [json.loads(record) for record in frame.split(END)[:-1]]
        return self._records.pop(0)

    async def shake_hands(self) -> None:
        await self.send(HELLO)
        assert await self.receive() == {}

    def invocation(self, target: str, *arguments: Any, wants_answer: bool = True) -> Message:
        message: Message = {"type": 1, "target": target, "arguments": list(arguments)}
        if wants_answer:
            self._calls += 1
            message["invocationId"] = str(self._calls)
        return message

    async def call(self, target: str, *arguments: Any) -> str:
        """Send a call, and return its id."""
        message = self.invocation(target, *arguments)
        await self.send(message)
        return str(message["invocationId"])

    async def until_completed(self, invocation_id: str) -> tuple[list[Any], str | None]:
        """Return the messages received until a call is completed, and its error."""
        received = []
        while (message := await self.receive()).get("type") != 3:
            assert message["target"] == "ReceiveMessage"
            received.extend(message["arguments"])
        assert message["invocationId"] == invocation_id
        return received, message.get("error")

    async def invoke(self, target: str, *arguments: Any) -> tuple[list[Any], str | None]:
        """Send a call and wait for its completion."""
        return await self.until_completed(await self.call(target, *arguments))

    async def end(self) -> tuple[Message | None, int]:
        """Return the last message before the connection closes, and the close code."""
        last = None
        try:
            while True:
                last = await self.receive()
        except ConnectionClosed as closed:
            return last, closed.rcvd.code if closed.rcvd else 1006


class Front:
    """The web process, reached over a unix socket."""

    def __init__(self, path: str) -> None:
        self.path = path

    @asynccontextmanager
    async def socket(
        self, hub: str = "/ai-chat", token: str | None = "Web good", **options: Any
    ) -> AsyncIterator[Signal]:
        """Open a WebSocket, without the handshake."""
        query = "" if token is None else f"?access_token={quote(token)}"
        options = {"ping_interval": None, "compression": None, "max_size": None} | options
        async with unix_connect(self.path, f"ws://hub{hub}{query}", **options) as socket:
            yield Signal(socket)

    @asynccontextmanager
    async def connect(self, hub: str = "/ai-chat", **options: Any) -> AsyncIterator[Signal]:
        """Open a connection that is ready for calls."""
        async with self.socket(hub, **options) as signal:
            await signal.shake_hands()
            yield signal

    async def get(self, path: str) -> httpx2.Response:
        """Send a GET request."""
        async with self._http() as client:
            return await client.get(path)

    async def options(self, path: str) -> httpx2.Response:
        """Send an OPTIONS request."""
        async with self._http() as client:
            return await client.options(path)

    async def post(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """Send a POST request."""
        async with self._http() as client:
            return await client.post(path, headers=headers)

    def _http(self) -> httpx2.AsyncClient:
        transport = httpx2.AsyncHTTPTransport(uds=self.path, verify=False)
        return httpx2.AsyncClient(transport=transport, base_url="http://hub")
