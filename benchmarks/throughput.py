"""Calls per second: every contender in every round, one at a time, in alternating order."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.cpu import Seconds, difference
from benchmarks.h2load import TOLERANCE, Load, LoadError, request_once, run_load
from benchmarks.servers import IN_LOOP, Arena, Contender
from benchmarks.workloads import CONCURRENCY, Workload
from benchmarks.wrk import run_mixed_load

WARM_UP_SECONDS = 0.3
SLOW_SECONDS, SLOW_CONCURRENCY = 3.0, 2


@dataclass
class Series:
    """Results of one contender by round: calls per second, and CPU seconds per call."""

    rates: list[float] = field(default_factory=list)
    costs: list[Seconds] = field(default_factory=list)

    def cost(self, user: str) -> float:
        """Return the CPU microseconds per call of one user."""
        return 1e6 * statistics.median(cost.get(user, 0.0) for cost in self.costs)


Results = dict[str, Series]


def measure(
    arena: Arena, workload: Workload, *, rounds: int, seconds: float, advance: Callable[[], None]
) -> Results:
    """Measure one workload; call `advance` after each load."""
    contenders = [arena.contenders[name] for name in workload.contenders]
    expected = {each.name: _expected(each, workload) for each in contenders}
    for each in contenders:
        _load(each, workload, WARM_UP_SECONDS)
    results: Results = {each.name: Series() for each in contenders}
    for number in range(rounds):
        # Reverse the order every other round, so that none always follows the same contender.
        for each in contenders if number % 2 else reversed(contenders):
            _measure(each, workload, seconds, results[each.name], expected[each.name])
            advance()
    return results


def ratio(series: Series, base: Series) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(series.rates, base.rates, strict=True))


def _expected(contender: Contender, workload: Workload) -> float:
    """Return the mean size of a response in bytes. Tests compare the contents."""
    requests = workload.requests[contender.protocol]
    sizes = [request_once(contender.port, request) for request in requests]
    # An empty gRPC message has a frame of five bytes, and an error has no frame.
    if min(sizes) < (5 if contender.protocol == "grpc" else 2):
        raise LoadError(f"{contender.name} rejects {requests[0].path}")
    return sum(sizes) / len(sizes)


def _load(contender: Contender, workload: Workload, seconds: float) -> Load:
    shape = workload.shape(contender.protocol)
    requests = workload.requests[contender.protocol]
    if workload.mixed:
        return run_mixed_load(contender.port, requests, CONCURRENCY, seconds)
    if contender.name == IN_LOOP:
        # It completes a few calls per second; with more concurrency none would finish in time.
        requests, seconds = requests[:SLOW_CONCURRENCY], max(seconds, SLOW_SECONDS)
    return run_load(contender.port, requests, shape, seconds)


def _measure(
    contender: Contender, workload: Workload, seconds: float, series: Series, expected: float
) -> None:
    before = contender.meter.read()
    load = _load(contender, workload, seconds)
    used = difference(before, contender.meter.read())
    if not load.done:
        raise LoadError(f"{contender.name} completed no {workload.name} in {seconds} s")
    # The last responses may be incomplete.
    deviation = abs(load.response_bytes / expected - load.done)
    if workload.fixed_response and deviation > CONCURRENCY + TOLERANCE * load.done:
        raise LoadError(
            f"{contender.name}, {workload.name}: {load.response_bytes} bytes are not {load.done} "
            f"responses of {expected:.0f}"
        )
    series.rates.append(load.rate)
    series.costs.append({user: value / load.done for user, value in used.items()})
