"""What Gymlocker costs, as ratios within one run: each is a command of its own.

uv run python -m benchmarks.workouts    a diary of 100,000 workouts against one of 1,000
uv run python -m benchmarks.guessing    reads while somebody tries 2,000 passwords a minute
"""
