"""Rules of buf.validate as keywords of JSON Schema.

An unknown rule is an error, because the document would be silent about it.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

Json = dict[str, Any]

DATE_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
# A pattern in a CEL rule, which unlike the rule `pattern` has a message for people.
_MATCHES = re.compile(r"this[.]matches\(r?'(.+)'\)")
_GROUP, _TWO, _THREE = "[A-Za-z0-9+/]{4}", "[A-Za-z0-9+/]{2}==", "[A-Za-z0-9+/]{3}="
# Not every validator of JSON Schema supports Unicode classes.
_CLASSES = {
    r"\p{Cc}": r"\x00-\x1f\x7f-\x9f",
    r"\p{Z}": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}


def rules_of(field: FieldDescriptor) -> validate_pb2.FieldRules:
    """Return the rules of a field."""
    return field.GetOptions().Extensions[validate_pb2.field]


def may_be_zero(rules: validate_pb2.FieldRules) -> bool:
    """Check whether the field may be empty despite its other rules."""
    return rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE


def limits_of(rules: validate_pb2.FieldRules) -> Json:
    """Return the keywords for a single value. Elements of lists and maps have their own rules."""
    keywords: Json = {}
    kind = rules.WhichOneof("type")
    if kind not in (None, "repeated", "map"):
        for limit, value in getattr(rules, kind).ListFields():
            if not limit.is_extension:
                keywords |= _known(kind, limit.name)(value)
    for rule in _cel_rules(rules):
        if match := _MATCHES.fullmatch(rule.expression):
            keywords |= _pattern(match[1])
    return keywords


def size_of(rules: Message) -> Json:
    """Return the keywords for a list or a map as a whole."""
    keywords: Json = {}
    for rule, value in rules.ListFields():
        if rule.name not in ("items", "keys", "values"):
            keywords[_SIZES[rule.name]] = value
    return keywords


def in_words(rules: validate_pb2.FieldRules | validate_pb2.MessageRules) -> list[str]:
    """Return the CEL rules for which there is no keyword, as their messages to callers."""
    return [
        rule.message or rule.expression
        for rule in _cel_rules(rules)
        if not _MATCHES.fullmatch(rule.expression)
    ]


def _cel_rules(
    rules: validate_pb2.FieldRules | validate_pb2.MessageRules,
) -> Iterator[validate_pb2.Rule]:
    """Yield a field's or message's own rules in CEL, then the predefined ones that it uses."""
    yield from rules.cel
    kind = rules.WhichOneof("type") if isinstance(rules, validate_pb2.FieldRules) else None
    if kind is None:
        return
    for limit, value in getattr(rules, kind).ListFields():
        if limit.is_extension:
            if value is not True:
                raise ValueError(f"{limit.full_name}: a predefined rule must be true")
            yield from limit.GetOptions().Extensions[validate_pb2.predefined].cel


def _known(kind: str, rule: str) -> Callable[[Any], Json]:
    for name in (f"{kind}.{rule}", rule):
        if name in _KEYWORDS:
            return _KEYWORDS[name]
    raise ValueError(f"buf.validate's {kind}.{rule} is unknown to scripts/openapi/limits.py")


def _pattern(pattern: str) -> Json:
    if pattern == DATE_PATTERN:
        return {"format": "date", "pattern": pattern}
    for name, characters in _CLASSES.items():
        pattern = pattern.replace(name, characters)
    return {"pattern": pattern}


def _max_bytes(length: int) -> Json:
    groups, rest = divmod(length, 3)
    keywords: Json = {
        "maxLength": 4 * (groups + bool(rest)),
        "pattern": f"^({_GROUP})*({_TWO}|{_THREE})?$",
    }
    if rest:
        # The last group is not full.
        end = "==$" if rest == 1 else "=$"
        keywords["anyOf"] = [{"maxLength": 4 * groups}, {"pattern": end}]
    return keywords


def _exact_bytes(length: int) -> Json:
    groups, rest = divmod(length, 3)
    size = 4 * (groups + bool(rest))
    tail = ["", _TWO, _THREE][rest]
    return {"minLength": size, "maxLength": size, "pattern": f"^({_GROUP}){{{groups}}}{tail}$"}


def _duration(_: Any) -> Json:
    return {"pattern": r"^[0-9]+([.][0-9]{1,9})?s$"}


def _paths(names: Any) -> Json:
    each = "|".join(name.replace("*", "[*]") for name in names)
    return {"pattern": f"^(({each})(,({each}))*)?$"}


_SIZES = {
    "min_items": "minItems",
    "max_items": "maxItems",
    "unique": "uniqueItems",
    "min_pairs": "minProperties",
    "max_pairs": "maxProperties",
}
_KEYWORDS: dict[str, Callable[[Any], Json]] = {
    "string.min_len": lambda value: {"minLength": value},
    "string.max_len": lambda value: {"maxLength": value},
    # A character has at least one byte. The comment of the field says that the limit is in bytes.
    "string.max_bytes": lambda value: {"maxLength": value},
    "string.pattern": _pattern,
    "string.uuid": lambda _: {"format": "uuid"},
    "string.in": lambda values: {"enum": list(values)},
    # The lengths of base64.
    "bytes.min_len": lambda value: {"minLength": 4 * -(-value // 3)},
    "bytes.max_len": _max_bytes,
    "bytes.len": _exact_bytes,
    # The schema lists the allowed names.
    "enum.defined_only": lambda _: {},
    "enum.not_in": lambda _: {},
    "duration.gte": _duration,
    # There is no keyword for it. The comment of the field states it.
    "duration.lte": lambda _: {},
    # The whole range of JSON: from the year 1 to the year 9999.
    "timestamp.gte": lambda _: {},
    "timestamp.lte": lambda _: {},
    "field_mask.in": _paths,
    "gte": lambda value: {"minimum": value},
    "gt": lambda value: {"exclusiveMinimum": value},
    "lte": lambda value: {"maximum": value},
    "lt": lambda value: {"exclusiveMaximum": value},
}
