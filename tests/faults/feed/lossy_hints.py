"""`gymlocker` with workers that lose, delay and repeat hints at random.

    python -m tests.faults.feed.lossy_hints up …

The folder HINTS_FOLDER has the number of lost hints, as the size of the file `lost`. While it has a
file `lose-all`, all hints are lost. With TRUST_HINTS, a worker takes hints for the truth: it never
looks for what it was not told of.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

from server.libraries.hints.hint import Hint
from server.libraries.hints.hints import Hints
from server.libraries.hints.refreshing import Healing
from server.programs.cli.app import main
from server.programs.local import up

LOST, LATE, REPEATED = 0.3, 0.1, 0.1
MAX_DELAY_SECONDS = 0.5
FOLDER, TRUST = "HINTS_FOLDER", "TRUST_HINTS"
PROGRAM = "tests.faults.feed.lossy_hints"
COUNT, ALL = "lost", "lose-all"


def _lossy_up() -> None:
    own_command = up._own_command

    def command(*arguments: str) -> tuple[str, ...]:
        usual = own_command(*arguments)
        return tuple(PROGRAM if word == "server" else word for word in usual)

    up._own_command = command


def _lossy_hints(folder: Path) -> None:
    deliver = Hints._deliver
    lost = os.open(folder / COUNT, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def deliver_unless_lost(hints: Hints, hint: Hint) -> None:
        if (folder / ALL).exists():
            os.write(lost, b".")
        else:
            deliver(hints, hint)

    def deliver_some(hints: Hints, hint: Hint) -> None:
        chance = random.random()
        if chance < LOST:
            os.write(lost, b".")
            return
        if chance < LOST + LATE + REPEATED:
            delay = random.uniform(0, MAX_DELAY_SECONDS)
            asyncio.get_running_loop().call_later(delay, deliver_unless_lost, hints, hint)
        if chance >= LOST + LATE:
            deliver_unless_lost(hints, hint)

    setattr(Hints, "_deliver", deliver_some)  # noqa: B010 - mypy


async def _no_healing(healing: Healing) -> None:
    """Look for nothing."""


if __name__ == "__main__":
    if sys.argv[1] == "up":
        _lossy_up()
    else:
        _lossy_hints(Path(os.environ[FOLDER]))
        if TRUST in os.environ:
            setattr(Healing, "__call__", _no_healing)  # noqa: B010
    main()
