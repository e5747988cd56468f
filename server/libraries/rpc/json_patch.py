"""JSON patches, which distinguish `null` from an absent key.

Messages do not. So the contract marks a google.protobuf.Struct as the JSON of another field
(`json_of`). It is parsed into that field here, and its keys become the `update_mask`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from google.protobuf.json_format import Error, MessageToDict, ParseDict
from google.protobuf.message import Message
from gymlocker.v2 import options_pb2

from server.errors import InvalidArgument


def patch_reader(kind: type[Message]) -> Callable[[Any], None] | None:
    """Return a function that parses the JSON patch of such requests; None if they have none."""
    for field in kind.DESCRIPTOR.fields:
        target = field.GetOptions().Extensions[options_pb2.json_of]
        if target:
            return partial(_read, field.name, target)
    return None


def _read(source: str, target: str, request: Any) -> None:
    if not request.HasField(source):
        return
    patch = getattr(request, target)
    names = {
        spelling: field.name
        for field in patch.DESCRIPTOR.fields
        for spelling in (field.name, field.json_name)
    }
    try:
        values = MessageToDict(getattr(request, source))
        given = {key: value for key, value in values.items() if key in names}
        # This clears the source: both are in the same oneof.
        patch.SetInParent()
        known = {key: value for key, value in given.items() if value is not None}
        ParseDict(known, patch, ignore_unknown_fields=True)
    except (Error, ValueError, TypeError) as error:
        text = f"The body cannot be parsed: {error}"
        raise InvalidArgument(text, violations=[], reason="MALFORMED_REQUEST") from None
    if not request.update_mask.paths:
        request.update_mask.paths.extend(dict.fromkeys(names[key] for key in given))
