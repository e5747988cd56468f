"""`gymlocker demo`: the encrypted feed between two people, with real keys and over the network.

Ada's phone uses gRPC and Ben's REST/JSON, both at one address. They follow, publish, read and share
with the cryptography of the LiftLog app, and every byte is compared on the way.

    run.py             `run`, the entry point
    scenario.py        the steps
    checks.py          comparisons that consist of several calls or fields
    person.py          a person and their phone: calls and keys together
    keys.py            the cryptography: pure functions
    transport.py       one call, over gRPC or over REST
    binding.py         a method's google.api.http annotation as verb, path and body
    comparison_log.py  the number of comparisons and the differences found
    screen.py          terminal output
    samples.py         workouts, a plan and pictures
    live               `run_live`: another demo, of events that arrive as they are published
"""

from server.programs.demo.live import run_live
from server.programs.demo.run import run

__all__ = ["run", "run_live"]
