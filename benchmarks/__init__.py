"""What Gymlocker costs, as ratios within one run.

uv run python -m benchmarks                  against others, the floor and itself; writes a report

The rest looks at one thing each:

uv run python -m benchmarks.workouts         a diary of 100,000 workouts against one of 1,000
uv run python -m benchmarks.guessing         reads while somebody tries 2,000 passwords a minute
uv run python -m benchmarks.conversations    what is left of 10,000 answers that were cut
uv run python -m benchmarks.telemetry        what metrics and traces cost
"""
