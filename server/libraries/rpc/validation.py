"""Validation of requests against the contract, with an error for each invalid field.

The rules are in the protos (`buf.validate`), and protovalidate applies them. One rule depends on
the metadata and is here: a password is required unless headers identify the caller.
"""

import re
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import protovalidate
from google.protobuf.message import DecodeError, Message
from gymlocker.v2.options_pb2 import Authentication

from server.errors import InvalidArgument
from server.libraries.rpc.context import Context, current_caller
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.json_patch import patch_reader
from server.libraries.rpc.method import Method
from server.libraries.rpc.query_parameters import require_known
from server.libraries.rpc.unary_request import missing_message

# A status is sent in HTTP headers, which must stay small.
MAX_VIOLATIONS = 20
PASSWORD_REQUIRED = "password: required unless the call carries an access token or key"  # noqa: S105

_collect_violations = protovalidate.Validator().collect_violations


class ValidationInterceptor(Interceptor):
    """Decodes and validates requests; malformed bytes are INVALID_ARGUMENT, not INTERNAL."""

    takes_bytes = True

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Decode and validate each request; in a stream, when the handler reads it."""
        needs_password = method.authentication.scheme == Authentication.SCHEME_PASSWORD
        validated = partial(
            _validated,
            method.request,
            needs_password=needs_password,
            read_patch=patch_reader(method.request),
        )
        parameters = method.parameters

        async def validate(request: bytes, context: Context) -> Any:
            if parameters is not None:
                require_known(parameters)
            return await call_next(validated(request), context)

        async def validate_stream(requests: AsyncIterator[bytes], context: Context) -> Any:
            if parameters is not None:
                require_known(parameters)
            each = _each(validated, requests, may_be_empty=method.may_be_empty)
            return await call_next(each, context)

        return validate_stream if method.streams_requests else validate


async def _each(
    validated: Callable[[bytes], Message], requests: AsyncIterator[bytes], *, may_be_empty: bool
) -> AsyncIterator[Message]:
    is_empty = True
    async for request in requests:
        is_empty = False
        message = validated(request)
        # A part of a file may be large. Neither form of it is kept while the next one arrives.
        del request
        yield message
        del message
    if is_empty and not may_be_empty:
        raise missing_message()


def _validated(
    kind: type[Message],
    request: bytes,
    *,
    needs_password: bool,
    read_patch: Callable[[Any], None] | None,
) -> Message:
    try:
        message = kind.FromString(request)
    except DecodeError as error:
        name = kind.DESCRIPTOR.full_name
        raise InvalidArgument(f"The request is not a {name}.", violations=[]) from error
    if read_patch is not None:
        read_patch(message)
    violations = _collect_violations(message)
    lacks_password = (
        needs_password
        and not message.password  # type: ignore[attr-defined]
        and current_caller.get() is None
    )
    if violations or lacks_password:
        raise _invalid(message, violations, lacks_password=lacks_password)
    return message


def _invalid(
    message: Message, violations: list[protovalidate.Violation], *, lacks_password: bool
) -> InvalidArgument:
    by_field: dict[str, str] = {}
    for violation in violations:
        path, json_path = _paths(message.DESCRIPTOR, violation)
        # A field that breaks several rules is listed once, preferably with our own rule's message.
        if path not in by_field or _is_predefined(violation):
            by_field[path] = f"{json_path}: {violation.proto.message}"
    if lacks_password:
        by_field["password"] = PASSWORD_REQUIRED
    found = sorted(by_field.items(), key=lambda item: _number(message.DESCRIPTOR, item[0]))
    text = found[0][1] + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")
    if len(found) > MAX_VIOLATIONS:
        rest = len(found) - MAX_VIOLATIONS
        found[MAX_VIOLATIONS:] = [("", f"and {rest} more")]
    return InvalidArgument(text, violations=found)


def _is_predefined(violation: protovalidate.Violation) -> bool:
    """Check whether the rule is one of `rules.proto`, and not one of protovalidate."""
    rule = violation.proto.rule
    return rule is not None and rule.elements[-1].field_name.startswith("[")


def _number(descriptor: Any, path: str) -> int:
    """Return the number of the first field in a path; violations are sorted by it."""
    field = descriptor.fields_by_name.get(re.split(r"[.\[]", path)[0])
    return field.number if field else 0


def _paths(descriptor: Any, violation: protovalidate.Violation) -> tuple[str, str]:
    """Return the path of the field in proto spelling (`users[3].user_id`) and in JSON's."""
    path: list[str] = []
    json_path: list[str] = []
    message = descriptor
    for element in violation.proto.field.elements if violation.proto.field else ():
        subscript = f"[{element.subscript.value}]" if element.subscript else ""
        path.append(element.field_name + subscript)
        if message is None or element.field_name in message.oneofs_by_name:
            json_path.append(element.field_name)
            break
        field = message.fields_by_name[element.field_name]
        json_path.append(field.json_name + subscript)
        message = field.message_type
    return ".".join(path), ".".join(json_path)
