"""`gymlocker demo --live`: Ada publishes, and Ben's phone shows her workouts at once.

run.py        `run_live`, the entry point
session.py    what Ada does, and the comparison at the end
follower.py   Ben's phone: WatchEvents, decryption, and reconnecting by cursors
keyboard.py   lines that are typed in a terminal
panes.py      the output in a terminal: two panes
lines.py      the output elsewhere: a line for each fact
board.py      the interface of both outputs
"""

from server.programs.demo.live.run import run_live

__all__ = ["run_live"]
