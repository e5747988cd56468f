"""Faults that any store can have. They do not make a token valid or invalid."""

import pytest

from tests.services.ai.purchase.server import Fault, Reply

CANARY = "canary-5f1c"
OUR_FAULTS = [Reply(401, {"message": CANARY}), Reply(403, {"message": CANARY})]
THEIR_FAULTS: list[Reply | Fault] = [
    Reply(408),
    Reply(429, {"message": CANARY}),
    Reply(500),
    Reply(503, b"<html>"),
    Reply(302),
    Reply(200, b"{"),
    Reply(200, [CANARY]),
    Reply(200, b"[" * 100_000),
    Reply(200, {"nothing": "expected"}),
    "cut",
    "hang",
]


def name_of(fault: Reply | Fault) -> str:
    return fault if isinstance(fault, str) else f"{fault.status}-{str(fault.body)[:10]}"


each_fault = pytest.mark.parametrize("fault", [*OUR_FAULTS, *THEIR_FAULTS], ids=name_of)
