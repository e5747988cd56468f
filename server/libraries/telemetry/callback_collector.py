"""Metrics whose values are read from objects at each scrape."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

# By label values.
Values: TypeAlias = Mapping[tuple[str, ...], float]
Family: TypeAlias = type[CounterMetricFamily] | type[GaugeMetricFamily]


class CallbackCollector(Collector):
    """Collector of metrics that are read from callbacks and not stored."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._metrics: list[Callable[[], CounterMetricFamily | GaugeMetricFamily]] = []
        registry.register(self)

    def add(
        self,
        family: Family,
        name: str,
        documentation: str,
        labels: list[str],
        read: Callable[[], Values],
    ) -> None:
        """Add a metric. `read` is called in the exporter's thread."""

        def read_metric() -> CounterMetricFamily | GaugeMetricFamily:
            metric = family(name, documentation, labels=labels)
            for label_values, value in read().items():
                metric.add_metric(label_values, value)
            return metric

        self._metrics.append(read_metric)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Read all metrics."""
        for read_metric in self._metrics:
            yield read_metric()
