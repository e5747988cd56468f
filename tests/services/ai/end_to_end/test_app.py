"""The same conversation by every way in: grpcurl, curl and the app's own client.

They talk with a whole house, whose model is the model server. Somebody introduces themselves, says
something whose answer streams, gets a plan that grows, stops an answer in the middle, is
remembered, starts anew and is not.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.programs.web.app import running
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.script import HELLO, HERE_IT_IS
from tests.support.stack import Stack, running_stack
from tests.support.tools import require

pytestmark = pytest.mark.asyncio(loop_scope="session")

Json = dict[str, Any]

TOKEN = "good"
KEY = "canary-of-the-key"
HEADER = f"authorization: Bearer Web {TOKEN}"
SQUATS = "I like squats. " * 8
PLAN_WISH = "Make me a plan"
WAIT = "Take your time and tell me more. " * 8
QUESTION = "What did I say first?"
TIMEOUT = 20


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def slow_model() -> AsyncIterator[ModelServer]:
    async with ModelServer(pace=0.01) as model:
        yield model


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(
    quota_database: str, slow_model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """A house; when it has stopped, nothing of what was said stands in its logs."""
    with running_stack(
        tmp_path_factory.mktemp("ai-house"),
        DATABASE_URL=quota_database,
        OPENAI_BASE_URL=slow_model.url,
        WEB_AUTH_API_KEY=TOKEN,
        API_KEY=KEY,
        RATE_LIMIT_WEB_PER_DAY="1000",
    ) as stack:
        yield stack
    logs = stack.logs()
    assert "StreamChat" in logs and "/ai-chat-v2" in logs
    secrets = (f"Web {TOKEN}", f"Web%20{TOKEN}", f"Web+{TOKEN}", KEY, "squats", HERE_IT_IS[:12])
    assert [secret for secret in secrets if secret in logs] == []


def is_hello(pieces: Sequence[Json]) -> bool:
    return words(pieces)[-1] == HELLO


def check_words(texts: list[str]) -> None:
    """They grew, up to the whole answer."""
    assert len(texts) > 2
    assert all(later.startswith(text) for text, later in pairwise(texts))
    assert texts[-1].startswith("You said:")


def check_plan(pieces: Sequence[Json], model: ModelServer) -> None:
    """It grew, up to the whole plan."""
    plans = [piece["plan"] for piece in pieces if "plan" in piece]
    assert len(plans) > 2
    assert len(plans[0].get("sessions", ())) < len(plans[-1]["sessions"])
    assert (plans[-1]["name"], len(plans[-1]["sessions"])) == (
        model.plan["name"],
        len(model.plan["sessions"]),
    )


def reason(pieces: Sequence[Json]) -> str:
    return str(pieces[-1]["end"]["reason"])


def words(pieces: Sequence[Json]) -> list[str]:
    return [str(piece["message"]) for piece in pieces if "message" in piece]


# --- grpcurl: one stream, both ways at once ---


class Grpcurl:
    """A running grpcurl, which is written requests and writes responses."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin and process.stdout
        self._to, self._from = process.stdin, process.stdout
        self._text = ""

    def say(self, request: Json) -> None:
        self._to.write(json.dumps(request).encode() + b"\n")

    async def read(self) -> Json:
        """The next response."""
        while True:
            try:
                response, end = json.JSONDecoder().raw_decode(self._text.lstrip())
            except ValueError:
                async with asyncio.timeout(TIMEOUT):
                    more = await self._from.read(65536)
                assert more, "grpcurl has ended"
                self._text = self._text.lstrip() + more.decode()
            else:
                self._text = self._text.lstrip()[end:]
                assert isinstance(response, dict)
                return response

    async def answer(self) -> list[Json]:
        pieces = [await self.read()]
        while "end" not in pieces[-1]:
            pieces.append(await self.read())
        return pieces

    async def asked(self, request: Json) -> list[Json]:
        self.say(request)
        return await self.answer()

    async def done(self) -> None:
        """Says that nothing more comes."""
        self._to.close()
        async with asyncio.timeout(TIMEOUT):
            assert not (await self._from.read()).strip()


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


def said(text: str) -> Json:
    return {"message": {"text": text}}


async def test_grpcurl(stack: Stack, slow_model: ModelServer) -> None:
    require("grpcurl")
    hung_up = slow_model.hung_up
    async with grpcurl(stack) as chat:
        assert is_hello(await chat.asked({"introduce": {"locale": "en-AU", "weight_unit": "kg"}}))
        check_words(words(await chat.asked(said(SQUATS))))
        pieces = await chat.asked(said(PLAN_WISH))
        assert (words(pieces)[-1], reason(pieces)) == (HERE_IT_IS, "REASON_COMPLETE")
        check_plan(pieces, slow_model)
        chat.say(said(WAIT))
        assert "message" in await chat.read()
        assert reason(await chat.asked({"stop": {}})) == "REASON_STOPPED"
        await slow_model.until(lambda: slow_model.hung_up == hung_up + 1)
        assert SQUATS in words(await chat.asked(said(QUESTION)))[-1]
        assert is_hello(await chat.asked({"restart": {}}))
        assert SQUATS not in words(await chat.asked(said(QUESTION)))[-1]
        await chat.done()


# --- curl: the whole history in each request, events in each reply ---


class Curl:
    """Somebody with curl, who keeps the history."""

    def __init__(self, stack: Stack, path: str) -> None:
        self._url = stack.url + path
        self.history: list[Json] = []

    async def events(self) -> AsyncGenerator[Json]:
        """The events of a reply as they come; closed early, curl is stopped as Ctrl-C does."""
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

    async def asked(self, text: str) -> list[Json]:
        self.history.append({"role": "ROLE_USER", "text": text})
        pieces = [event async for event in self.events()]
        answer = {"role": "ROLE_ASSISTANT", "text": words(pieces)[-1]}
        plans = [{"plan": piece["plan"]} for piece in pieces if "plan" in piece]
        self.history.append(answer | (plans[-1] if plans else {}))
        return pieces


@pytest.mark.parametrize("path", ["/ai/chat", "/v2/ai/chat"])
async def test_curl(stack: Stack, slow_model: ModelServer, path: str) -> None:
    hung_up = slow_model.hung_up
    chat = Curl(stack, path)
    assert is_hello([event async for event in chat.events()])
    check_words(words(await chat.asked(SQUATS)))
    pieces = await chat.asked(PLAN_WISH)
    assert (words(pieces)[-1], reason(pieces)) == (HERE_IT_IS, "REASON_COMPLETE")
    check_plan(pieces, slow_model)
    chat.history.append({"role": "ROLE_USER", "text": WAIT})
    async with aclosing(chat.events()) as events:
        chat.history.append({"role": "ROLE_ASSISTANT", "text": (await anext(events))["message"]})
    await slow_model.until(lambda: slow_model.hung_up == hung_up + 1)
    assert SQUATS in words(await chat.asked(QUESTION))[-1]
    # The model was told the plan that the client gave back.
    told = [call for one in slow_model.calls[-1]["messages"] for call in one.get("tool_calls", ())]
    assert slow_model.plan["name"] in told[0]["function"]["arguments"]
    chat.history.clear()
    assert is_hello([event async for event in chat.events()])
    assert SQUATS not in words(await chat.asked(QUESTION))[-1]


# --- The app's client ---


async def test_the_apps_own_client(stack: Stack, slow_model: ModelServer, modules: Path) -> None:
    hung_up = slow_model.hung_up
    async with running(modules, stack.url, "everything") as app:
        found = await app.result()
    assert is_hello(found["hello"])
    check_words(words(found["words"]))
    check_blueprints(found["plan"], slow_model)
    assert found["stopped"] and "message" in found["stopped"][-1]
    await slow_model.until(lambda: slow_model.hung_up == hung_up + 1)
    assert SQUATS in found["remembered"][-1]["message"]
    assert is_hello(found["again"])
    assert SQUATS not in found["forgotten"][-1]["message"]
    assert found["legacy"][-1]["plan"]["name"] == slow_model.plan["name"]


@pytest.mark.parametrize("prefix", ["", "/v2"])
async def test_the_apps_own_client_sends_a_program(
    stack: Stack,
    slow_model: ModelServer,
    modules: Path,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slow_model, "pace", 0)
    async with running(modules, stack.url, "long", prefix) as app:
        found = await app.result()
    for hub in found.values():
        assert hub["repeated"]
        assert hub["next"].startswith("You said:")
        sentence = "The text must be at most 32768 bytes."
        assert hub["tooLong"]["said"] == [{"type": "messageResponse", "message": sentence}]
        assert sentence in hub["tooLong"]["reason"]
    legacy = found["/ai-chat"]["plan"]["plan"]["sessions"][0]["exercises"]
    rest = {"minRest": "00:01:30", "maxRest": "00:03:00", "failureRest": "00:05:00"}
    assert [exercise["restBetweenSets"] for exercise in legacy] == [rest, rest]
    assert found["/ai-chat-v2"]["plan"]["version"] == 3


async def test_the_apps_own_client_has_a_key(stack: Stack, modules: Path) -> None:
    async with running(modules, stack.url, "keys", KEY) as app:
        found = await app.result()
    assert "'401'" in found.pop("stale")
    assert set(found) == {"header", "v2", "token", "query", "direct"}
    assert all(text.startswith("You said:") for text in found.values())


@pytest.mark.parametrize("prefix", ["", "/v2"])
async def test_rest_takes_a_key(stack: Stack, prefix: str) -> None:
    url = f"{stack.url}{prefix}/ai/quota"
    key, stale = {"X-API-Key": KEY}, {"x-api-key": "stale"}
    beside = {"authorization": "Bearer of-a-proxy"}
    async with httpx2.AsyncClient(timeout=TIMEOUT) as rest:
        for headers in (key, key | beside, stale | {"authorization": f"Web {TOKEN}"}):
            reply = await rest.get(url, headers=headers)
            assert (reply.status_code, reply.json()["limit"]) == (200, 1000)
        for headers in (stale, stale | beside):
            reply = await rest.get(url, headers=headers)
            assert reply.status_code == 401
            assert reply.json()["details"][0]["reason"] == "INVALID_API_KEY"


def check_blueprints(messages: list[Json], model: ModelServer) -> None:
    """They grew, up to the whole plan, and each is one that the app can load."""
    growing = [message for message in messages if message["type"] == "chatPlan"]
    assert len(growing) > 2
    assert {message["version"] for message in growing} == {3}
    last = growing[-1]["blueprint"]
    assert (last["version"], last["name"]) == (3, model.plan["name"])
    assert {session["version"] for session in last["sessions"]} == {6}
    kinds = {one["type"] for session in last["sessions"] for one in session["exercises"]}
    assert kinds == {"WeightedExerciseBlueprint", "CardioExerciseBlueprint"}


async def test_strangers_cannot_start(stack: Stack, modules: Path) -> None:
    async with running(modules, stack.url, "strangers") as app:
        found = await app.result()
    assert len(found) == 7
    assert [token for token, error in found.items() if "'401'" not in str(error)] == []
