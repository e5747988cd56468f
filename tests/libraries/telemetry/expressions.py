"""The metrics and labels that PromQL expressions read."""

import re

# Prometheus itself creates this metric and adds these labels.
BUILT_IN = "up"
ADDED_LABELS = {"job", "instance"}

_SELECTOR = re.compile(r"(?<![\w:$])([a-zA-Z_:][\w:]*)\s*(\{(?:[^{}\"]|\"[^\"]*\")*\})?(\s*\()?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
# Lists of labels and durations contain words that are not metrics.
_NOT_METRICS = re.compile(
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)|\[[^\]]*\]"
)
_WORDS = {"and", "or", "unless", "bool", "offset", "by"}


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """Return the metrics of an expression, each with the labels that it matches."""
    return [
        (name, set(_LABEL.findall(re.sub(r'"[^"]*"', "", labels))) if labels else set())
        for name, labels, call in _SELECTOR.findall(_NOT_METRICS.sub("", expression))
        if not call and name not in _WORDS
    ]
