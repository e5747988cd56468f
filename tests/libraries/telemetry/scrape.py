"""Reads metrics as Prometheus does."""

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
    """What a target said."""

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
        """The names of all samples."""
        return {name for name, _ in self._samples}

    def labels(self, name: str) -> set[str]:
        """The labels that samples with this name have."""
        return {label for its, found in self._samples if its == name for label, _ in found}

    def value(self, name: str, **labels: str) -> float:
        """The one sample with this name and these labels."""
        return self._samples[name, tuple(sorted(labels.items()))]

    def values(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """All samples with this name that are not 0, by the values of `labels`."""
        return {
            tuple(dict(found)[label] for label in labels): value
            for (its_name, found), value in self._samples.items()
            if its_name == name and value
        }


def scrape(url: str) -> Scrape:
    """Asks a target for its metrics."""
    reply = httpx2.get(url, verify=False, timeout=TIMEOUT)
    assert reply.status_code == 200
    return Scrape(reply.text)


def metrics_url(log: Path) -> str:
    """Where a process that was told to take any port (`--metrics 0`) has its metrics."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines() if log.exists() else ():
            if '"metrics"' in line:
                return f"http://127.0.0.1:{json.loads(line)['port']}/metrics"
        time.sleep(0.01)
    raise AssertionError(f"no metrics within {TIMEOUT} s: {log.read_text()}")
