"""What PromQL expressions ask for: metrics, and labels of metrics."""

import re

# Of these, Prometheus itself makes the metric, or adds the labels.
OF_PROMETHEUS = "up"
ADDED_LABELS = {"job", "instance"}

_SELECTOR = re.compile(r"(?<![\w:$])([a-zA-Z_:][\w:]*)\s*(\{(?:[^{}\"]|\"[^\"]*\")*\})?(\s*\()?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
# Lists of labels, and durations, hold words that are no metrics.
_NO_METRICS = re.compile(
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)|\[[^\]]*\]"
)
_WORDS = {"and", "or", "unless", "bool", "offset", "by"}


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """The metrics that an expression reads, each with the labels that it matches."""
    return [
        (name, set(_LABEL.findall(re.sub(r'"[^"]*"', "", labels))) if labels else set())
        for name, labels, call in _SELECTOR.findall(_NO_METRICS.sub("", expression))
        if not call and name not in _WORDS
    ]
