"""How many calls a second: every contender in every round, one at a time, there and back again."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.h2load import TOLERANCE, Load, LoadError, loaded, once
from benchmarks.processor import Seconds, spent
from benchmarks.servers import IN_LOOP, Arena, Contender
from benchmarks.workloads import MANY_PLACES, Workload
from benchmarks.wrk import mixed

WARM_UP_SECONDS = 0.3
SLOW_SECONDS, FEW_PLACES = 3.0, 2


@dataclass
class Series:
    """What one contender did in each round: calls a second, and processor seconds for a call."""

    rates: list[float] = field(default_factory=list)
    costs: list[Seconds] = field(default_factory=list)

    def cost(self, user: str) -> float:
        """The microseconds of processor that a call took, by who used them."""
        return 1e6 * statistics.median(cost.get(user, 0.0) for cost in self.costs)


Results = dict[str, Series]


def measured(
    arena: Arena, workload: Workload, *, rounds: int, seconds: float, advance: Callable[[], None]
) -> Results:
    """Measures one workload; `advance` is called after each load."""
    contenders = [arena.contenders[name] for name in workload.contenders]
    expected = {each.name: _expected(each, workload) for each in contenders}
    for each in contenders:
        _load(each, workload, WARM_UP_SECONDS)
    results: Results = {each.name: Series() for each in contenders}
    for number in range(rounds):
        # There and back again, so that nobody always comes after the same one.
        for each in contenders if number % 2 else reversed(contenders):
            _measure(each, workload, seconds, results[each.name], expected[each.name])
            advance()
    return results


def ratio(mine: Series, others: Series) -> float:
    """The middle one of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(mine.rates, others.rates, strict=True))


def _expected(contender: Contender, workload: Workload) -> float:
    """The bytes of a reply. The tests compare what stands in it."""
    requests = workload.requests[contender.protocol]
    sizes = [once(contender.port, request) for request in requests]
    # The five bytes are gRPC's frame around an empty message; an error has none.
    if min(sizes) < (5 if contender.protocol == "grpc" else 2):
        raise LoadError(f"{contender.name} refuses {requests[0].path}")
    return sum(sizes) / len(sizes)


def _load(contender: Contender, workload: Workload, seconds: float) -> Load:
    shape = workload.shape(contender.protocol)
    requests = workload.requests[contender.protocol]
    if workload.mixed:
        return mixed(contender.port, requests, MANY_PLACES, seconds)
    if contender.name == IN_LOOP:
        # It does a handful of calls a second, one after the other: few may wait, or none is done.
        requests, seconds = requests[:FEW_PLACES], max(seconds, SLOW_SECONDS)
    return loaded(contender.port, requests, shape, seconds)


def _measure(
    contender: Contender, workload: Workload, seconds: float, series: Series, expected: float
) -> None:
    before = contender.meter.read()
    load = _load(contender, workload, seconds)
    used = spent(before, contender.meter.read())
    if not load.done:
        raise LoadError(f"{contender.name} did nothing of {workload.name} in {seconds} s")
    # Of the last replies, part has come.
    off = abs(load.reply_bytes / expected - load.done)
    if workload.fixed_reply and off > MANY_PLACES + TOLERANCE * load.done:
        raise LoadError(
            f"{contender.name}, {workload.name}: {load.reply_bytes} bytes are not {load.done} "
            f"replies of {expected:.0f}"
        )
    series.rates.append(load.rate)
    series.costs.append({user: value / load.done for user, value in used.items()})
