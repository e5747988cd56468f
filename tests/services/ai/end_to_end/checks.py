"""Messages of the conversation, and checks of its answers in JSON."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.script import HELLO

Json = dict[str, Any]

TOKEN = "good"
KEY = "canary-of-the-key"
HEADER = f"authorization: Bearer Web {TOKEN}"
SQUATS = "I like squats. " * 8
PLAN_REQUEST = "Make me a plan"
WAIT = "Take your time and tell me more. " * 8
QUESTION = "What did I say first?"
TIMEOUT = 20


def texts_of(responses: Sequence[Json]) -> list[str]:
    return [str(response["message"]) for response in responses if "message" in response]


def end_reason(responses: Sequence[Json]) -> str:
    return str(responses[-1]["end"]["reason"])


def is_greeting(responses: Sequence[Json]) -> bool:
    return texts_of(responses)[-1] == HELLO


def check_texts(texts: list[str]) -> None:
    """Check that the texts grew up to the whole answer."""
    assert len(texts) > 2
    assert all(later.startswith(text) for text, later in pairwise(texts))
    assert texts[-1].startswith("You said:")


def check_plan(responses: Sequence[Json], model: ModelServer) -> None:
    """Check that the plan grew up to the whole plan."""
    plans = [response["plan"] for response in responses if "plan" in response]
    assert len(plans) > 2
    assert len(plans[0].get("sessions", ())) < len(plans[-1]["sessions"])
    assert (plans[-1]["name"], len(plans[-1]["sessions"])) == (
        model.plan["name"],
        len(model.plan["sessions"]),
    )
