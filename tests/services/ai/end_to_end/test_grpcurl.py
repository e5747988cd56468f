"""Conversation by grpcurl: one stream in both directions."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.services.ai.end_to_end.checks import (
    HEADER,
    PLAN_REQUEST,
    QUESTION,
    SQUATS,
    TIMEOUT,
    WAIT,
    Json,
    check_plan,
    check_texts,
    end_reason,
    is_greeting,
    texts_of,
)
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.script import HERE_IT_IS
from tests.support.stack import Stack
from tests.support.tools import require

pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="session")]


class Grpcurl:
    """A running grpcurl that reads requests and writes responses."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin and process.stdout
        self._stdin, self._stdout = process.stdin, process.stdout
        self._text = ""

    def send(self, request: Json) -> None:
        self._stdin.write(json.dumps(request).encode() + b"\n")

    async def read(self) -> Json:
        """Read the next response."""
        while True:
            try:
                response, end = json.JSONDecoder().raw_decode(self._text.lstrip())
            except ValueError:
                async with asyncio.timeout(TIMEOUT):
                    more = await self._stdout.read(65536)
                assert more, "grpcurl has ended"
                self._text = self._text.lstrip() + more.decode()
            else:
                self._text = self._text.lstrip()[end:]
                assert isinstance(response, dict)
                return response

    async def ask(self, request: Json) -> list[Json]:
        """Send a request, and read the responses of its answer."""
        self.send(request)
        responses = [await self.read()]
        while "end" not in responses[-1]:
            responses.append(await self.read())
        return responses

    async def finish(self) -> None:
        """End the requests. No response must follow."""
        self._stdin.close()
        async with asyncio.timeout(TIMEOUT):
            assert not (await self._stdout.read()).strip()


@asynccontextmanager
async def grpcurl(stack: Stack) -> AsyncIterator[Grpcurl]:
    process = await asyncio.create_subprocess_exec(
        *("grpcurl", "-plaintext", "-H", HEADER, "-d", "@", stack.address),
        "gymlocker.v2.AiService/Chat",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Grpcurl(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def message(text: str) -> Json:
    return {"message": {"text": text}}


async def test_holds_a_conversation(stack: Stack, slow_model: ModelServer) -> None:
    require("grpcurl")
    hung_up = slow_model.hung_up
    async with grpcurl(stack) as chat:
        introduction = {"introduce": {"locale": "en-AU", "weight_unit": "kg"}}
        assert is_greeting(await chat.ask(introduction))
        check_texts(texts_of(await chat.ask(message(SQUATS))))
        responses = await chat.ask(message(PLAN_REQUEST))
        assert (texts_of(responses)[-1], end_reason(responses)) == (HERE_IT_IS, "REASON_COMPLETE")
        check_plan(responses, slow_model)
        chat.send(message(WAIT))
        assert "message" in await chat.read()
        assert end_reason(await chat.ask({"stop": {}})) == "REASON_STOPPED"
        await slow_model.until(lambda: slow_model.hung_up == hung_up + 1)
        assert SQUATS in texts_of(await chat.ask(message(QUESTION)))[-1]
        assert is_greeting(await chat.ask({"restart": {}}))
        assert SQUATS not in texts_of(await chat.ask(message(QUESTION)))[-1]
        await chat.finish()
