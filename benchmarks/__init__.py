"""Performance of Gymlocker, as ratios within one run.

uv run python -m benchmarks                  all contenders and goals; writes a report

uv run python -m benchmarks.live_feed        streams of events; writes a report

Each of the others measures one aspect and prints it:

uv run python -m benchmarks.workouts         a diary of 100,000 workouts vs. one of 1,000
uv run python -m benchmarks.guessing         reads during 2,000 wrong passwords per minute
uv run python -m benchmarks.conversations    memory after 10,000 cancelled responses
uv run python -m benchmarks.overload         more concurrent calls than the machine can serve
uv run python -m benchmarks.revisions FOLDER calls of the feed vs. those of another checkout
uv run python -m benchmarks.telemetry        the cost of metrics and traces
"""
