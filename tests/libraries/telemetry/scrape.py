"""Scraping of metrics, as Prometheus does it."""

import json
import re
import time
from pathlib import Path

import httpx2

TIMEOUT = 60

_SAMPLE = re.compile(r"(?P<name>\w+)(\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

# By name and labels.
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Scrape:
    """Samples of a target."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._samples: Samples = {
            (match["name"], tuple(sorted(_LABEL.findall(match["labels"] or "")))): float(
                match["value"]
            )
            for match in map(_SAMPLE.fullmatch, text.splitlines())
            if match
        }

    @property
    def names(self) -> set[str]:
        """Return the names of all samples."""
        return {name for name, _ in self._samples}

    def labels(self, name: str) -> set[str]:
        """Return the labels of samples with a name."""
        return {label for its, found in self._samples if its == name for label, _ in found}

    def value(self, name: str, **labels: str) -> float:
        """Return the sample with a name and labels."""
        return self._samples[name, tuple(sorted(labels.items()))]

    def values(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Return the samples with a name that are not 0, by the values of `labels`."""
        return {
            tuple(dict(found)[label] for label in labels): value
            for (its_name, found), value in self._samples.items()
            if its_name == name and value
        }


def scrape(url: str) -> Scrape:
    """Scrape a target."""
    response = httpx2.get(url, verify=False, timeout=TIMEOUT)
    assert response.status_code == 200
    return Scrape(response.text)


def metrics_url(log: Path) -> str:
    """Return the URL of the metrics of a process that picked a port (`--metrics 0`)."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines() if log.exists() else ():
            if '"serving_metrics"' in line:
                return f"http://127.0.0.1:{json.loads(line)['port']}/metrics"
        time.sleep(0.01)
    raise AssertionError(f"no metrics within {TIMEOUT} s: {log.read_text()}")
