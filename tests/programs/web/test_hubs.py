"""Methods of the hubs and their messages."""

import pytest

from .client import Front, Message, failure, message
from .conftest import TODAY
from .fake_api import FakeAi

FIRST, SECOND = "/ai-chat", "/ai-chat-v2"
UPDATE = {"type": "updateRequired", "requiredVersion": 3}


def growing(text: str) -> list[Message]:
    """Return the messages of a growing text."""
    words = text.split(" ")
    return [
        {"type": "messageResponse", "message": " ".join(words[:count])}
        for count in range(1, len(words) + 1)
    ]


def newest(messages: list[Message]) -> Message:
    """Return the last of growing messages, which replaces the others."""
    assert all(message["type"] == messages[0]["type"] for message in messages)
    return messages[-1]


async def test_v1_conversation(front: Front, api: FakeAi) -> None:
    async with front.connect(FIRST) as signal:
        messages, error = await signal.invoke("Introduce", "de-DE")
        assert (newest(messages), error) == (growing("Hello in de-DE with -")[-1], None)
        messages, error = await signal.invoke("SendMessage", "grüße 💪")
        assert (newest(messages), error) == (growing("You said grüße 💪")[-1], None)
        messages, error = await signal.invoke("RestartChat")
        assert (newest(messages), error) == (growing("Hello again")[-1], None)
    assert api.heard == ["introduce", "message grüße 💪", "restart"]
    assert len(api.chats) == 1


async def test_each_message_is_whole_text_so_far(front: Front) -> None:
    async with front.connect(FIRST) as signal:
        messages, _ = await signal.invoke("SendMessage", "a b c")
    # A newer message replaces one that was not sent yet.
    assert messages == [message for message in growing("You said a b c") if message in messages]


async def test_passes_any_locale_on(front: Front) -> None:
    async with front.connect(FIRST) as signal:
        for locale in ("", "de_DE", "en-AU\n", "x" * 100):
            messages, _ = await signal.invoke("Introduce", locale)
            assert newest(messages)["message"] == f"Hello in {locale} with -"
        messages, _ = await signal.invoke("Introduce", "en-AU" * 1000)
        assert newest(messages)["message"] == f"Hello in {'en-AU' * 20} with -"


async def test_oversized_argument_fails_only_its_call(front: Front, api: FakeAi) -> None:
    async with front.connect(SECOND) as signal:
        too_long = failure("The text must be at most 32768 bytes.")
        for text in ("x" * 32_769, "ß" * 16_385, "💪" * 8_193, "x" * 200_000):
            assert await signal.invoke("SendMessage", text, 3) == too_long
        too_long = failure("The weight unit must be at most 20 characters.")
        assert await signal.invoke("Introduce", "en-AU", 3, "x" * 21) == too_long
        messages, error = await signal.invoke("SendMessage", "next", 3)
        assert (newest(messages)["message"], error) == ("You said next", None)
    assert api.heard == ["message next"]


@pytest.mark.parametrize("hub", ["/ai-chat", "/ai-chat-v2", "/v2/ai-chat", "/v2/ai-chat-v2"])
async def test_accepts_text_of_32_kib(front: Front, api: FakeAi, hub: str) -> None:
    rest = [3] if hub.endswith("v2") else []
    texts = ["x" * 32_768, "ß" * 16_384, "💪" * 8_192, "\0" * 32_768]
    async with front.connect(hub) as signal:
        for text in texts:
            messages, error = await signal.invoke("SendMessage", text, *rest)
            assert (messages[-1], error) == (message(f"You said {text}"), None)
    assert api.heard == [f"message {text}" for text in texts]


@pytest.mark.parametrize("hub", [FIRST, SECOND])
async def test_failure_is_shown_before_call_fails(front: Front, hub: str) -> None:
    rest = [3] if hub == SECOND else []
    async with front.connect(hub) as signal:
        found = await signal.invoke("SendMessage", "quota", *rest)
        assert found == failure("The quota is used up.")
        # The message is sent even if the call expects no completion.
        await signal.send(signal.invocation("SendMessage", "", *rest, wants_answer=False))
        shown = await signal.receive()
        assert shown["arguments"] == [message("The text must be at least 1 characters.")]


async def test_v1_sends_complete_plan(front: Front) -> None:
    async with front.connect(FIRST) as signal:
        messages, error = await signal.invoke("SendMessage", "plan")
    *texts, plan = messages
    assert error is None
    assert newest(texts) == growing("Here it is")[-1]
    assert (plan["type"], set(plan)) == ("chatPlan", {"type", "plan"})
    assert set(plan["plan"]) == {"name", "description", "sessions"}
    assert plan["plan"]["sessions"][0]["exercises"][0]["name"] == "Squat"


async def test_v1_sends_no_plan_of_stopped_answer(front: Front, api: FakeAi) -> None:
    async with front.connect(FIRST) as signal:
        call_id = await signal.call("SendMessage", "plan wait")
        while (await signal.receive())["arguments"] != growing("Here it is")[-1:]:
            pass
        stopping = await signal.call("StopInProgress")
        assert await signal.until_completed(call_id) == ([], None)
        assert await signal.until_completed(stopping) == ([], None)


async def test_v2_conversation(front: Front, api: FakeAi) -> None:
    async with front.connect(SECOND) as signal:
        messages, error = await signal.invoke("Introduce", "en-US", 3, "lbs")
        assert (newest(messages), error) == (growing("Hello in en-US with lbs")[-1], None)
        messages, error = await signal.invoke("SendMessage", "hi", 4)
        assert (newest(messages), error) == (growing("You said hi")[-1], None)
        messages, error = await signal.invoke("RestartChat")
        assert (newest(messages), error) == (growing("Hello again")[-1], None)


async def test_v2_sends_growing_plan(front: Front) -> None:
    async with front.connect(SECOND) as signal:
        call_id = await signal.call("SendMessage", "plan wait", 3)
        plans: list[Message] = []
        while not plans or not plans[-1]["description"]:
            (message,) = (await signal.receive())["arguments"]
            plans += [message] if message["type"] == "chatPlan" else []
        await signal.call("StopInProgress")
        assert await signal.until_completed(call_id) == ([], None)
    whole = plans[-1]
    assert set(whole) == {"type", "name", "description", "blueprint", "version"}
    assert (whole["name"], whole["description"], whole["version"]) == ("Strong", "Legs first.", 3)
    blueprint = whole["blueprint"]
    assert (blueprint["version"], blueprint["name"]) == (3, "Strong")
    assert blueprint["lastEdited"] == TODAY.isoformat()
    assert blueprint["sessions"][0]["exercises"][0]["name"] == "Squat"


async def test_old_app_gets_update_required(front: Front, api: FakeAi) -> None:
    async with front.connect(SECOND) as signal:
        for version in (2, 0, -1):
            assert await signal.invoke("Introduce", "en-AU", version, "kg") == ([UPDATE], None)
            assert await signal.invoke("SendMessage", "hi", version) == ([UPDATE], None)
    assert (api.chats, api.heard) == ([], [])


WRONG: list[tuple[str, str, list[object], str]] = [
    (FIRST, "Nothing", [], "This hub has no such method."),
    (FIRST, "__init__", [], "This hub has no such method."),
    (FIRST, "Introduce", [], "The number of arguments must be 1."),
    (FIRST, "Introduce", ["en-AU", 3, "kg"], "The number of arguments must be 1."),
    (FIRST, "SendMessage", [7], "Argument 1 must be a string."),
    (FIRST, "SendMessage", [None], "Argument 1 must be a string."),
    (FIRST, "SendMessage", [["hi"]], "Argument 1 must be a string."),
    (FIRST, "SendMessage", ["\ud83d"], "Argument 1 must be a string."),
    (FIRST, "StopInProgress", [1], "The number of arguments must be 0."),
    (SECOND, "Introduce", ["en-AU"], "The number of arguments must be 3."),
    (SECOND, "Introduce", ["en-AU", "3", "kg"], "Argument 2 must be an integer."),
    (SECOND, "SendMessage", ["hi", True], "Argument 2 must be an integer."),
    (SECOND, "SendMessage", ["hi", 3.5], "Argument 2 must be an integer."),
    (SECOND, "SendMessage", ["hi"], "The number of arguments must be 2."),
]


async def test_invalid_call_fails_alone(front: Front, api: FakeAi) -> None:
    async with front.connect(FIRST) as first, front.connect(SECOND) as second:
        for hub, target, arguments, error in WRONG:
            signal = first if hub == FIRST else second
            assert await signal.invoke(target, *arguments) == failure(error)
        for signal in (first, second):
            assert await signal.invoke("StopInProgress") == ([], None)
    assert api.heard == []


async def test_method_names_are_case_insensitive(front: Front) -> None:
    async with front.connect(FIRST) as signal:
        messages, _ = await signal.invoke("sendMessage", "hi")
    assert newest(messages) == growing("You said hi")[-1]
