"""The two hubs: what an app may call, and the messages it gets. Only their forms differ.

/ai-chat      plans in the form of old apps, when they are complete
/ai-chat-v2   blueprints, again and again while they grow
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, TypeAlias

from gymlocker.v2 import ai_pb2, plan_pb2

from server.programs.web.chat_stream import Conversation
from server.programs.web.plan_json import blueprint, legacy_plan
from server.programs.web.protocol import Invocation, is_integer, is_text

# Hands a message to the client; the one `about` the same that was not sent yet is obsolete.
Send: TypeAlias = Callable[[dict[str, Any], object], None]

PLAN_VERSION = 3
# As the contract has it.
MAX_LOCALE = 100


class NotCallable(Exception):
    """The client called what is not there, or in the wrong way; the text says which."""


@dataclass(frozen=True)
class Method:
    """A method of a hub: the types of its arguments, and what it does."""

    types: tuple[type, ...]
    call: Callable[..., Awaitable[None]]
    # What stops others does not wait for them.
    urgent: bool = False


@dataclass(frozen=True)
class Call:
    """A call of a method, with its arguments."""

    method: Method
    arguments: tuple[object, ...]

    async def run(self) -> None:
        """Returns when it is answered. Raises AnswerFailed."""
        await self.method.call(*self.arguments)


class Hub(ABC):
    """One connection's hub."""

    path: ClassVar[str]

    def __init__(self, conversation: Conversation, send: Send, today: Callable[[], date]) -> None:
        self._conversation = conversation
        self._send = send
        self._today = today
        self._by_name = {
            name.lower(): method for name, method in (self._common() | self._methods()).items()
        }

    def bind(self, invocation: Invocation) -> Call:
        """What is called. Raises NotCallable."""
        if invocation.streams:
            raise NotCallable("This hub has no streams.")
        # As SignalR's own server does, whatever the case.
        method = self._by_name.get(invocation.target.lower())
        if method is None:
            raise NotCallable("This hub has no such method.")
        arguments = invocation.arguments
        if len(arguments) != len(method.types):
            raise NotCallable(f"The method takes {len(method.types)} arguments.")
        for number, (argument, kind) in enumerate(zip(arguments, method.types, strict=True), 1):
            if not (is_text(argument) if kind is str else is_integer(argument)):
                name = "a string" if kind is str else "an integer"
                raise NotCallable(f"Argument {number} must be {name}.")
        return Call(method, arguments)

    @abstractmethod
    def _methods(self) -> dict[str, Method]:
        """The methods that differ between hubs."""

    @abstractmethod
    def _showing(self) -> Callable[[ai_pb2.ChatResponse], None]:
        """What shows one answer to the client."""

    def _common(self) -> dict[str, Method]:
        return {
            "StopInProgress": Method((), self._conversation.stop, urgent=True),
            "RestartChat": Method((), self._restart, urgent=True),
        }

    async def _introduce(self, locale: str, weight_unit: str) -> None:
        # One that is too long is none, as the server finds out in the part that fits.
        introduction = ai_pb2.Introduction(locale=locale[:MAX_LOCALE], weight_unit=weight_unit)
        request = ai_pb2.ChatRequest(introduce=introduction)
        await self._conversation.ask(request, self._showing())

    async def _send_message(self, text: str) -> None:
        request = ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text=text))
        await self._conversation.ask(request, self._showing())

    async def _restart(self) -> None:
        request = ai_pb2.ChatRequest(restart=ai_pb2.RestartChat())
        await self._conversation.restart(request, self._showing())

    def tell(self, text: str) -> None:
        """Show a text that is no answer's."""
        self._send_text(text, None)

    def _send_text(self, text: str, about: object) -> None:
        self._send({"type": "messageResponse", "message": text}, about)


class FirstHub(Hub):
    """/ai-chat."""

    path = "/ai-chat"

    def _methods(self) -> dict[str, Method]:
        return {
            "Introduce": Method((str,), self._introduce_without_unit),
            "SendMessage": Method((str,), self._send_message),
        }

    async def _introduce_without_unit(self, locale: str) -> None:
        await self._introduce(locale, "")

    def _showing(self) -> Callable[[ai_pb2.ChatResponse], None]:
        text, plans = object(), list[plan_pb2.Plan]()

        def show(response: ai_pb2.ChatResponse) -> None:
            match response.WhichOneof("event"):
                case "message":
                    self._send_text(response.message, text)
                case "plan":
                    plans[:] = [response.plan]
                case "end" if response.end.reason == ai_pb2.ChatEnd.REASON_COMPLETE:
                    for plan in plans:
                        self._send({"type": "chatPlan", "plan": legacy_plan(plan)}, None)

        return show


class SecondHub(Hub):
    """/ai-chat-v2."""

    path = "/ai-chat-v2"

    def _methods(self) -> dict[str, Method]:
        return {
            "Introduce": Method((str, int, str), self._introduce_if_new),
            "SendMessage": Method((str, int), self._say_if_new),
        }

    async def _introduce_if_new(self, locale: str, plan_version: int, weight_unit: str) -> None:
        if self._is_new(plan_version):
            await self._introduce(locale, weight_unit)

    async def _say_if_new(self, text: str, plan_version: int) -> None:
        if self._is_new(plan_version):
            await self._send_message(text)

    def _is_new(self, plan_version: int) -> bool:
        """Whether the app can read our plans; one that cannot is told."""
        if plan_version < PLAN_VERSION:
            self._send({"type": "updateRequired", "requiredVersion": PLAN_VERSION}, None)
        return plan_version >= PLAN_VERSION

    def _showing(self) -> Callable[[ai_pb2.ChatResponse], None]:
        text, plan = object(), object()

        def show(response: ai_pb2.ChatResponse) -> None:
            match response.WhichOneof("event"):
                case "message":
                    self._send_text(response.message, text)
                case "plan":
                    self._send(self._chat_plan(response.plan), plan)

        return show

    def _chat_plan(self, plan: plan_pb2.Plan) -> dict[str, Any]:
        return {
            "type": "chatPlan",
            "name": plan.name,
            "description": plan.description,
            "blueprint": blueprint(plan, self._today()),
            "version": PLAN_VERSION,
        }


HUBS: tuple[type[Hub], ...] = (FirstHub, SecondHub)
