"""`gymlocker demo`: the main job, told by two people over the wire.

Ada's phone speaks gRPC and Ben's REST/JSON, through one address. They follow, publish, read and
share with the cryptography of the LiftLog app, and every byte is compared on the way.

    play.py       `run`, the way in
    story.py      the steps
    person.py     a person and what their phone does: calls and keys together
    keys.py       the cryptography: pure functions
    transport.py  one call, over gRPC or over REST
    binding.py    from a method's google.api.http annotation to verb, path and body
    ledger.py     what was compared and what differed
    screen.py     how it looks
    samples.py    the workouts, plan and pictures they use
"""

from server.programs.demo.run import run

__all__ = ["run"]
