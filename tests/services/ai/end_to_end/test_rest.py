"""Conversation by curl, which sends the whole history, and API keys over REST."""

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2
import pytest

from tests.services.ai.end_to_end.checks import (
    HEADER,
    KEY,
    PLAN_REQUEST,
    QUESTION,
    SQUATS,
    TIMEOUT,
    TOKEN,
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

pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="session")]


class Curl:
    """A client with curl that keeps the history."""

    def __init__(self, stack: Stack, path: str) -> None:
        self._url = stack.url + path
        self.history: list[Json] = []

    async def events(self) -> AsyncGenerator[Json]:
        """Yield the events of a response. Closing it early stops curl as Ctrl-C does."""
        introduction = {"locale": "en-AU", "weight_unit": "kg"}
        body = json.dumps({"history": self.history, "introduction": introduction})
        curl = await asyncio.create_subprocess_exec(
            *("curl", "-sN", "--fail-with-body", self._url, "-H", HEADER, "-d", body),
            stdout=subprocess.PIPE,
        )
        assert curl.stdout
        try:
            async for line in curl.stdout:
                if line.startswith(b"data:"):
                    yield json.loads(line.removeprefix(b"data:"))
        finally:
            if curl.returncode is None:
                curl.terminate()
            await curl.wait()

    async def ask(self, text: str) -> list[Json]:
        self.history.append({"role": "ROLE_USER", "text": text})
        events = [event async for event in self.events()]
        answer = {"role": "ROLE_ASSISTANT", "text": texts_of(events)[-1]}
        plans = [{"plan": event["plan"]} for event in events if "plan" in event]
        self.history.append(answer | (plans[-1] if plans else {}))
        return events


@pytest.mark.parametrize("path", ["/ai/chat", "/v2/ai/chat"])
async def test_holds_a_conversation(
    stack: Stack, slow_model: ModelServer, logged: set[str], path: str
) -> None:
    logged.add("StreamChat")
    hung_up = slow_model.hung_up
    chat = Curl(stack, path)
    assert is_greeting([event async for event in chat.events()])
    check_texts(texts_of(await chat.ask(SQUATS)))
    events = await chat.ask(PLAN_REQUEST)
    assert (texts_of(events)[-1], end_reason(events)) == (HERE_IT_IS, "REASON_COMPLETE")
    check_plan(events, slow_model)
    chat.history.append({"role": "ROLE_USER", "text": WAIT})
    async with aclosing(chat.events()) as stopped:
        chat.history.append({"role": "ROLE_ASSISTANT", "text": (await anext(stopped))["message"]})
    await slow_model.until(lambda: slow_model.hung_up == hung_up + 1)
    assert SQUATS in texts_of(await chat.ask(QUESTION))[-1]
    # The plan that the client sent back reached the model.
    messages = slow_model.calls[-1]["messages"]
    calls = [call for message in messages for call in message.get("tool_calls", ())]
    assert slow_model.plan["name"] in calls[0]["function"]["arguments"]
    chat.history.clear()
    assert is_greeting([event async for event in chat.events()])
    assert SQUATS not in texts_of(await chat.ask(QUESTION))[-1]


@pytest.mark.parametrize("prefix", ["", "/v2"])
async def test_accepts_api_key(stack: Stack, prefix: str) -> None:
    url = f"{stack.url}{prefix}/ai/quota"
    key, stale = {"X-API-Key": KEY}, {"x-api-key": "stale"}
    beside = {"authorization": "Bearer of-a-proxy"}
    async with httpx2.AsyncClient(timeout=TIMEOUT) as rest:
        for headers in (key, key | beside, stale | {"authorization": f"Web {TOKEN}"}):
            response = await rest.get(url, headers=headers)
            assert (response.status_code, response.json()["limit"]) == (200, 1000)
        for headers in (stale, stale | beside):
            response = await rest.get(url, headers=headers)
            assert response.status_code == 401
            assert response.json()["details"][0]["reason"] == "INVALID_API_KEY"
