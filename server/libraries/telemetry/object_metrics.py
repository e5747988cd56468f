"""Figures that the house's objects keep themselves, read when Prometheus asks."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

# By the values of its labels.
Figures: TypeAlias = Mapping[tuple[str, ...], float]
Family: TypeAlias = type[CounterMetricFamily] | type[GaugeMetricFamily]


class Readings(Collector):
    """Metrics whose values are read, and kept by nobody in between."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._metrics: list[Callable[[], CounterMetricFamily | GaugeMetricFamily]] = []
        registry.register(self)

    def add(
        self, family: Family, name: str, about: str, labels: list[str], read: Callable[[], Figures]
    ) -> None:
        """Adds a metric, read in another thread than the one that it is kept in."""

        def metric() -> CounterMetricFamily | GaugeMetricFamily:
            found = family(name, about, labels=labels)
            for values, figure in read().items():
                found.add_metric(values, figure)
            return found

        self._metrics.append(metric)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """What the figures are now."""
        for metric in self._metrics:
            yield metric()
