"""A scripted AiService: the text of a message determines the answer."""

import asyncio
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc import aio
from gymlocker.v2 import ai_pb2, ai_pb2_grpc, plan_pb2

GOOD = "Web good"
API_KEY, GOOD_KEY = "x-api-key", "good-key"
COMPLETE = ai_pb2.ChatEnd.REASON_COMPLETE
STOPPED = ai_pb2.ChatEnd.REASON_STOPPED
FAILED = ai_pb2.ChatEnd.REASON_FAILED

Responses = AsyncIterator[ai_pb2.ChatResponse]


def words(text: str) -> list[ai_pb2.ChatResponse]:
    """Return the responses of a text that grows word by word."""
    parts = text.split(" ")
    return [
        ai_pb2.ChatResponse(message=" ".join(parts[:count])) for count in range(1, len(parts) + 1)
    ]


def end(reason: ai_pb2.ChatEnd.Reason.ValueType, error: str = "") -> ai_pb2.ChatResponse:
    """Return the end of an answer."""
    status = status_pb2.Status(code=code_pb2.UNAVAILABLE, message=error) if error else None
    return ai_pb2.ChatResponse(end=ai_pb2.ChatEnd(reason=reason, error=status))


def growing_plan() -> list[ai_pb2.ChatResponse]:
    """Return the responses of a plan in two steps."""
    name = plan_pb2.Plan(name="Strong")
    squat = plan_pb2.PlanExercise(weighted=plan_pb2.WeightedExercise(name="Squat"))
    session = plan_pb2.PlanSession(name="Legs", exercises=[squat])
    whole = plan_pb2.Plan(name="Strong", description="Legs first.", sessions=[session])
    return [ai_pb2.ChatResponse(plan=plan) for plan in (name, whole)]


async def refuse(
    context: Any,
    code: grpc.StatusCode,
    message: str,
    reason: str,
    also: tuple[tuple[str, str], ...] = (),
) -> None:
    """End a call with an error as the server does."""
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="gymlocker"))
    metadata = [*also, ("grpc-status-details-bin", status.SerializeToString())]
    if code == grpc.StatusCode.UNAUTHENTICATED:
        metadata.append(("www-authenticate", 'Bearer realm="gymlocker"'))
    await context.abort(code, message, tuple(metadata))


class FakeAi(ai_pb2_grpc.AiServiceServicer):
    """A fake AiService that records requests and metadata."""

    def __init__(self) -> None:
        self.address = ""
        self.checks: list[dict[str, str]] = []
        self.chats: list[dict[str, str]] = []
        self.heard: list[str] = []
        # The locale of the introduction in each request; empty without one.
        self.locales: list[str] = []
        self.open_chats = 0
        self.finished_answers = 0
        self.changed = asyncio.Condition()
        # Answers wait until it is set.
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def until(self, condition: Any) -> None:
        """Wait until `condition` holds."""
        async with self.changed, asyncio.timeout(10):
            await self.changed.wait_for(condition)

    async def GetQuota(
        self, request: ai_pb2.GetQuotaRequest, context: Any
    ) -> ai_pb2.GetQuotaResponse:
        metadata = dict(context.invocation_metadata())
        self.checks.append(metadata)
        await self._authenticate(metadata, context)
        return ai_pb2.GetQuotaResponse(limit=100, remaining=100)

    async def GenerateWorkoutPlan(self, request: Any, context: Any) -> plan_pb2.Plan:
        raise NotImplementedError

    async def GenerateSession(self, request: Any, context: Any) -> plan_pb2.PlanSession:
        raise NotImplementedError

    def StreamChat(self, request: Any, context: Any) -> Responses:
        raise NotImplementedError

    async def Chat(
        self, request_iterator: AsyncIterator[ai_pb2.ChatRequest], context: Any
    ) -> Responses:
        metadata = dict(context.invocation_metadata())
        self.chats.append(metadata)
        await self._authenticate(metadata, context)
        await self._count(1)
        talk = _Talk(self, context)
        listening = asyncio.create_task(talk.listen(request_iterator))
        try:
            async for response in talk.answers():
                yield response
        finally:
            listening.cancel()
            await self._count(-1)

    async def _authenticate(self, metadata: dict[str, str], context: Any) -> None:
        if GOOD_KEY in (value for name, value in context.invocation_metadata() if name == API_KEY):
            return
        token = metadata.get("authorization", "").removeprefix("Bearer ")
        if token == "Web off":
            code = grpc.StatusCode.FAILED_PRECONDITION
            off = (("x-http-status", "423"),)
            await refuse(context, code, "Switched off.", "FEATURE_DISABLED", off)
        if token == "Web away":
            code = grpc.StatusCode.UNAVAILABLE
            await refuse(context, code, "The store is out of reach.", "STORE_UNAVAILABLE")
        if token != GOOD:
            code = grpc.StatusCode.UNAUTHENTICATED
            await refuse(context, code, "The token is not good.", "INVALID_PURCHASE_TOKEN")

    async def count_answer(self) -> None:
        """Count an answer whose responses were all sent."""
        self.finished_answers += 1
        async with self.changed:
            self.changed.notify_all()

    async def _count(self, change: int) -> None:
        self.open_chats += change
        async with self.changed:
            self.changed.notify_all()


class _Talk:
    """One conversation."""

    def __init__(self, ai: FakeAi, context: Any) -> None:
        self._ai = ai
        self._context = context
        self._waiting: deque[ai_pb2.ChatRequest] = deque()
        self._more = asyncio.Event()
        self._stop = asyncio.Event()
        self._busy = False
        self._over = False

    async def listen(self, requests: AsyncIterator[ai_pb2.ChatRequest]) -> None:
        async for request in requests:
            event = request.WhichOneof("event")
            async with self._ai.changed:
                self._ai.heard.append(
                    f"message {request.message.text}" if event == "message" else str(event)
                )
                self._ai.locales.append(request.introduction.locale)
                self._ai.changed.notify_all()
            if event != "stop":
                self._waiting.append(request)
                self._more.set()
            elif self._busy:
                self._stop.set()

    async def answers(self) -> Responses:
        while not self._over:
            await self._more.wait()
            await self._ai.may_answer.wait()
            request = self._waiting.popleft()
            if not self._waiting:
                self._more.clear()
            self._busy = True
            self._stop.clear()
            async for response in self._answer(request):
                # Before the end is sent: later requests belong to the next answer.
                self._busy = response.WhichOneof("event") != "end"
                yield response
            await self._ai.count_answer()

    async def _answer(self, request: ai_pb2.ChatRequest) -> Responses:
        match request.WhichOneof("event"):
            case "introduce" if request.introduce.locale == "drop":
                self._over = True
                return
            case "introduce":
                introduction = request.introduce
                text = f"Hello in {introduction.locale} with {introduction.weight_unit or '-'}"
                answer = [*words(text), end(COMPLETE)]
            case "restart":
                answer = [*words("Hello again"), end(COMPLETE)]
            case _:
                async for response in self._reply(request.message.text):
                    yield response
                return
        for response in answer:
            yield response

    async def _reply(self, text: str) -> Responses:
        match text.split():
            case ["plan"]:
                answer = [*words("Here it is"), *growing_plan(), end(COMPLETE)]
            case ["plan", "wait"]:
                for response in (*words("Here it is"), *growing_plan()):
                    yield response
                await self._stop.wait()
                answer = [end(STOPPED)]
            case ["fail"]:
                answer = [*words("I would"), end(FAILED, "The model is out of reach.")]
            case ["wait"]:
                yield words("Waiting")[0]
                await self._stop.wait()
                answer = [end(STOPPED)]
            case ["quota"]:
                code = grpc.StatusCode.RESOURCE_EXHAUSTED
                await refuse(self._context, code, "The quota is used up.", "QUOTA")
            case ["revoked"]:
                code = grpc.StatusCode.UNAUTHENTICATED
                await refuse(self._context, code, "The token is not good.", "INVALID")
            case ["break"]:
                yield words("I would")[0]
                self._over = True
                return
            case ["drop"]:
                self._over = True
                return
            case ["odd"]:
                await self._context.abort(grpc.StatusCode.UNKNOWN, "secret of the inside")
            case ["grow", count, kilobytes]:
                padding = "x" * (int(kilobytes) * 1024)
                answer = [
                    *(ai_pb2.ChatResponse(message=f"{n} {padding}") for n in range(int(count))),
                    end(COMPLETE),
                ]
            case _:
                answer = [*words(f"You said {text}"), end(COMPLETE)]
        for response in answer:
            yield response


@asynccontextmanager
async def fake_api() -> AsyncIterator[FakeAi]:
    """Serve a FakeAi on a unix socket."""
    ai = FakeAi()
    # As in the server.
    server = aio.server(options=(("grpc.max_metadata_size", 32 * 1024),))
    ai_pb2_grpc.add_AiServiceServicer_to_server(ai, server)
    with tempfile.TemporaryDirectory(prefix="fake-api-") as folder:
        ai.address = f"unix:{folder}/api.sock"
        server.add_insecure_port(ai.address)
        await server.start()
        try:
            yield ai
        finally:
            await server.stop(None)
