"""The program that runs a plan; `gymlocker up` starts it when the plan is complete."""

import asyncio
import sys

from server.libraries.common.exit import errors_as_sentences
from server.programs.local.plan import read_plan
from server.programs.local.run import run

with errors_as_sentences():
    asyncio.run(run(read_plan(int(sys.argv[1]))))
