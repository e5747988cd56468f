"""Replies, errors and headers, as Envoy writes them."""

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from gymlocker.v2 import options_pb2

from scripts.openapi import files
from scripts.openapi.contract import Binding, Contract
from scripts.openapi.errors import REASONS, errors_of
from scripts.openapi.examples import reply_example_of
from scripts.openapi.limits import Json
from scripts.openapi.schemas import Schemas
from scripts.openapi.security import scheme_of

_NUMBER: Json = {"type": "string", "pattern": "^[0-9]+$"}
HEADERS: dict[str, Json] = {
    "x-request-id": {
        "description": "The id of the call in the server's log: the caller's, or a new one.",
        "schema": {"type": "string", "minLength": 1},
    },
    "www-authenticate": {
        "description": "The authentication that the call requires.",
        "schema": {"type": "string", "examples": ['Bearer realm="gymlocker"']},
    },
    "retry-after": {"description": "The number of seconds to wait.", "schema": _NUMBER},
    "cache-control": {
        "description": "Replies must not be stored.",
        "schema": {"type": "string", "const": "no-store"},
    },
    "content-disposition": {
        "description": "The name of the file.",
        "schema": {"type": "string", "examples": ['attachment; filename="workouts.csv"']},
    },
    "x-quota-limit": {
        "description": "The number of answers allowed in 24 hours.",
        "schema": _NUMBER,
    },
    "x-quota-remaining": {"description": "The number of answers left.", "schema": _NUMBER},
    "x-quota-reset": {
        "description": "The number of seconds until another answer is allowed.",
        "schema": _NUMBER,
    },
}
_QUOTA = ["x-quota-limit", "x-quota-remaining", "x-quota-reset"]
_NAMES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Gone",
    412: "PreconditionFailed",
    413: "ContentTooLarge",
    415: "UnsupportedMediaType",
    423: "FeatureDisabled",
    429: "TooManyRequests",
    431: "RequestHeaderFieldsTooLarge",
    503: "Unavailable",
}
_ERROR_HEADERS = {401: ["www-authenticate"], 429: ["retry-after"], 503: ["retry-after"]}


def received_messages(method: MethodDescriptor) -> list[Descriptor]:
    """Return the message of the reply, if it is a message."""
    return [] if files.is_file(method.output_type) else [method.output_type]


def responses_of(
    method: MethodDescriptor, binding: Binding, schemas: Schemas, contract: Contract
) -> Json:
    """Return all responses of a call."""
    about = _about(method, contract)
    success: Json = {"description": about, "headers": _headers(*_success_headers(method))}
    replies = {"200": success}
    if files.is_conditional(method):
        replies["304"] = _bare(304, "The caller has the file.")
    errors = errors_of(method, binding, contract.comments)
    if binding.verb == "head":
        return {**replies, **{str(each): _bare(each, errors[each]) for each in errors}}
    success["content"] = _content(method, schemas)
    return {**replies, **{str(each): _reference(each, errors[each]) for each in errors}}


def error_responses() -> Json:
    """Return the error responses that calls refer to."""
    return {
        name: {
            "description": _reasons(status),
            "headers": _headers(*_ERROR_HEADERS.get(status, [])),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, name in _NAMES.items()
        if status in REASONS
    }


def header_components() -> Json:
    """Return the headers that replies refer to. A reply always has the headers it refers to."""
    return {name: {**header, "required": True} for name, header in HEADERS.items()}


def _about(method: MethodDescriptor, contract: Contract) -> str:
    message = method.output_type
    if files.is_file(message):
        return "The file."
    if method.server_streaming:
        return "Server-sent events. Each `data:` is one message of `x-event-schema` as JSON."
    return contract.comments[message.full_name]


def _content(method: MethodDescriptor, schemas: Schemas) -> Json:
    if files.is_file(method.output_type):
        return files.received(method)
    schema = schemas.reference(method.output_type, sent=False)
    if method.server_streaming:
        return {"text/event-stream": {"schema": _event(schema), "x-event-schema": schema}}
    return {"application/json": {"schema": schema, **reply_example_of(method.output_type)}}


def _event(schema: Json) -> Json:
    """Return the schema of one event, because OpenAPI 3.1 cannot describe a whole stream."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    return {
        "type": "object",
        "description": "An event of the stream.",
        "properties": {"data": data},
        "required": ["data"],
    }


def _success_headers(method: MethodDescriptor) -> list[str]:
    if files.is_file(method.output_type):
        return ["content-disposition"]
    # Calls of the model report the quota.
    asks = method.GetOptions().idempotency_level != method.GetOptions().NO_SIDE_EFFECTS
    bought = scheme_of(method) == options_pb2.Authentication.SCHEME_PURCHASE_TOKEN
    return _QUOTA if asks and bought else []


def _headers(*names: str) -> Json:
    return {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in ("x-request-id", "cache-control", *names)
    }


def _bare(status: int, about: str) -> Json:
    return {"description": about, "headers": _headers(*_ERROR_HEADERS.get(status, []))}


def _reference(status: int, about: str) -> Json:
    return {"$ref": f"#/components/responses/{_NAMES[status]}", "description": about}


def _reasons(status: int) -> str:
    lines = [f"- `{name}`: {meaning}" for name, meaning in REASONS[status].items()]
    return "\n".join(["Reasons:", "", *lines])
