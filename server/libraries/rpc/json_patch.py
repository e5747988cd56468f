"""Patches that come as JSON, which tells `null` from a key that is absent.

A message does not. So the contract marks a google.protobuf.Struct with the field whose JSON it is
(`json_of`), and here the one becomes the other, with its keys as the `update_mask`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from google.protobuf.json_format import Error, MessageToDict, ParseDict
from google.protobuf.message import Message
from gymlocker.v2 import options_pb2

from server.errors import InvalidArgument


def patch_reader(kind: type[Message]) -> Callable[[Any], None] | None:
    """What reads the JSON in a request of this kind into its patch; None if it never has any."""
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
        # The one ends the other: both are arms of a oneof.
        patch.SetInParent()
        ParseDict({key: value for key, value in given.items() if value is not None}, patch)
    except (Error, ValueError, TypeError) as error:
        text = f"The body cannot be read: {error}"
        raise InvalidArgument(text, violations=[], reason="MALFORMED_REQUEST") from None
    if not request.update_mask.paths:
        request.update_mask.paths.extend(dict.fromkeys(names[key] for key in given))
