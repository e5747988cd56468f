"""The two hubs: the methods that apps call and the messages they receive.

The hubs differ only in their message formats:

/ai-chat      a complete plan in the format of old apps
/ai-chat-v2   blueprints, sent repeatedly while the plan grows
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

# Sends a message to the client; it replaces an unsent one with the same key.
Send: TypeAlias = Callable[[dict[str, Any], object], None]
ShowResponse: TypeAlias = Callable[[ai_pb2.ChatResponse], None]

PLAN_VERSION = 3
# As in the contract.
MAX_LOCALE_LENGTH = 100


class InvalidCall(Exception):
    """A call of an unknown method or with wrong arguments; the message says which."""


@dataclass(frozen=True)
class Method:
    """A method of a hub and the types of its arguments."""

    types: tuple[type, ...]
    call: Callable[..., Awaitable[None]]
    # Runs at once, because it stops calls that it would otherwise wait for.
    urgent: bool = False


@dataclass(frozen=True)
class Call:
    """A call of a method with its arguments."""

    method: Method
    arguments: tuple[object, ...]

    async def run(self) -> None:
        """Run the call until it is answered. Raises AnswerFailed."""
        await self.method.call(*self.arguments)


class Hub(ABC):
    """The hub of one connection."""

    path: ClassVar[str]

    def __init__(self, conversation: Conversation, send: Send, today: Callable[[], date]) -> None:
        self._conversation = conversation
        self._send = send
        self._today = today
        self._by_name = {
            name.lower(): method for name, method in (self._common() | self._methods()).items()
        }

    def bind(self, invocation: Invocation) -> Call:
        """Return the call of an invocation. Raises InvalidCall."""
        if invocation.streams:
            raise InvalidCall("This hub does not support streams.")
        # Names are case-insensitive, as in SignalR's own server.
        method = self._by_name.get(invocation.target.lower())
        if method is None:
            raise InvalidCall("This hub has no such method.")
        arguments = invocation.arguments
        if len(arguments) != len(method.types):
            raise InvalidCall(f"The number of arguments must be {len(method.types)}.")
        for number, (argument, kind) in enumerate(zip(arguments, method.types, strict=True), 1):
            if not (is_text(argument) if kind is str else is_integer(argument)):
                name = "a string" if kind is str else "an integer"
                raise InvalidCall(f"Argument {number} must be {name}.")
        return Call(method, arguments)

    @abstractmethod
    def _methods(self) -> dict[str, Method]:
        """Return the methods that differ between hubs."""

    @abstractmethod
    def _show_answer(self) -> ShowResponse:
        """Return a function that shows the responses of one answer to the client."""

    def _common(self) -> dict[str, Method]:
        return {
            "StopInProgress": Method((), self._conversation.stop, urgent=True),
            "RestartChat": Method((), self._restart, urgent=True),
        }

    async def _introduce(self, locale: str, weight_unit: str) -> None:
        # The API uses its default locale for a long one, even when it is cut off.
        introduction = ai_pb2.Introduction(
            locale=locale[:MAX_LOCALE_LENGTH], weight_unit=weight_unit
        )
        request = ai_pb2.ChatRequest(introduce=introduction)
        await self._conversation.ask(request, self._show_answer())

    async def _send_message(self, text: str) -> None:
        request = ai_pb2.ChatRequest(message=ai_pb2.UserMessage(text=text))
        await self._conversation.ask(request, self._show_answer())

    async def _restart(self) -> None:
        request = ai_pb2.ChatRequest(restart=ai_pb2.RestartChat())
        await self._conversation.restart(request, self._show_answer())

    def show_text(self, text: str) -> None:
        """Show a text that belongs to no answer."""
        self._send_text(text, None)

    def _send_text(self, text: str, key: object) -> None:
        self._send({"type": "messageResponse", "message": text}, key)


class HubV1(Hub):
    """/ai-chat."""

    path = "/ai-chat"

    def _methods(self) -> dict[str, Method]:
        return {
            "Introduce": Method((str,), self._introduce_without_unit),
            "SendMessage": Method((str,), self._send_message),
        }

    async def _introduce_without_unit(self, locale: str) -> None:
        await self._introduce(locale, "")

    def _show_answer(self) -> ShowResponse:
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


class HubV2(Hub):
    """/ai-chat-v2."""

    path = "/ai-chat-v2"

    def _methods(self) -> dict[str, Method]:
        return {
            "Introduce": Method((str, int, str), self._introduce_if_supported),
            "SendMessage": Method((str, int), self._send_message_if_supported),
        }

    async def _introduce_if_supported(
        self, locale: str, plan_version: int, weight_unit: str
    ) -> None:
        if self._require_version(plan_version):
            await self._introduce(locale, weight_unit)

    async def _send_message_if_supported(self, text: str, plan_version: int) -> None:
        if self._require_version(plan_version):
            await self._send_message(text)

    def _require_version(self, plan_version: int) -> bool:
        """Check whether the app can read our plans; ask for an update otherwise."""
        if plan_version < PLAN_VERSION:
            self._send({"type": "updateRequired", "requiredVersion": PLAN_VERSION}, None)
        return plan_version >= PLAN_VERSION

    def _show_answer(self) -> ShowResponse:
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


HUBS: tuple[type[Hub], ...] = (HubV1, HubV2)
