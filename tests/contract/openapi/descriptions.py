"""The OpenAPI document, as the tests use it."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from server.libraries.common.paths import ROOT

Json = Any

DOCUMENT: dict[str, Json] = json.loads((ROOT / "generated/openapi.json").read_text())


def operations() -> Iterator[tuple[str, str, dict[str, Json]]]:
    """Yield the path, verb and description of each operation."""
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def validator(schema: Json) -> Draft202012Validator:
    """Return a validator for a schema that refers to the components."""
    whole = {"components": DOCUMENT["components"], "allOf": [schema]}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def closed() -> dict[str, Json]:
    """Return the document with schemas that allow no unknown fields.

    Other tests check that the server ignores unknown fields. With this document, tests check that
    replies contain only the documented fields, and that requests need no others.
    """
    document = deepcopy(DOCUMENT)
    for schema in _objects(document["components"]["schemas"]):
        schema.setdefault("additionalProperties", False)
    return document


def _objects(node: Json) -> Iterator[Json]:
    """Yield the object schemas inside a node."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _objects(each)
