"""The document as the tests use it."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from server.libraries.common.paths import ROOT

Json = Any

DOCUMENT: dict[str, Json] = json.loads((ROOT / "generated/openapi.json").read_text())


def operations() -> Iterator[tuple[str, str, dict[str, Json]]]:
    """The path, the verb and the description of each operation."""
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def validator(schema: Json) -> Draft202012Validator:
    """Knows what is valid by a schema that refers to the components."""
    whole = {"components": DOCUMENT["components"], "allOf": [schema]}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def closed() -> dict[str, Json]:
    """The document, in which no message holds anything that it does not name.

    The server passes over what it does not know, which is tested elsewhere. What is tested by this
    is that a reply holds nothing else, and that a request needs nothing else.
    """
    document = deepcopy(DOCUMENT)
    for schema in _objects(document["components"]["schemas"]):
        schema.setdefault("additionalProperties", False)
    return document


def _objects(node: Json) -> Iterator[Json]:
    """The objects inside."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _objects(each)
