"""The full run, with its figures:

python -m tests.faults.feed --events 100000 --disturbances 80
"""

import argparse
import asyncio
import random
import time

from tests.faults.feed.run import run


def main() -> None:
    """Run, and print the figures. Exit with 1 if a reader was not exact."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--disturbances", type=int, default=80)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    options = parser.parse_args()
    began = time.monotonic()
    result = asyncio.run(
        run(events=options.events, disturbances=options.disturbances, seed=options.seed)
    )
    print(f"seed {options.seed}, {time.monotonic() - began:,.0f} seconds")
    for line in result.figures():
        print(line)
    if not result.is_exact:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
