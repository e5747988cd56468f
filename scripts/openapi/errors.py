"""Which errors a call may be answered with, and the one form that all of them have.

What only one method can say stands in its comment, as `CODE: when`. The rest follows from how its
caller is authenticated and from what it takes.
"""

import re
from collections import defaultdict
from collections.abc import Mapping

from google.protobuf.descriptor import MethodDescriptor
from gymlocker.v2 import options_pb2

from scripts.openapi.contract import Binding
from scripts.openapi.limits import Json
from scripts.openapi.security import scheme_of

_Authentication = options_pb2.Authentication

# As Envoy translates them, or the status that the error has (see server/errors.py).
STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "OUT_OF_RANGE": 410,
    "ABORTED": 412,
    "UNIMPLEMENTED": 415,
    # The reason of a FAILED_PRECONDITION that has a status of its own.
    "FEATURE_DISABLED": 423,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
}
# What REST can be told, by status (a test compares with the code).
REASONS: dict[int, dict[str, str]] = {
    400: {
        "INVALID_REQUEST": "fields break their limits; BadRequest names them",
        "MALFORMED_REQUEST": "not JSON, not the JSON of this call, or not HTTP",
        "PLANNER_NOT_CONFIGURED": "this server has no model",
        "UNKNOWN_PARAMETER": "a call that changes something has no such query parameter",
    },
    401: {
        "ACCESS_TOKEN_EXPIRED": "RefreshToken gives the next one",
        "ACCESS_TOKEN_MISSING": "the call needs one",
        "INVALID_ACCESS_TOKEN": "none of this server's, or another user's",
        "INVALID_API_KEY": "none of this server's",
        "INVALID_PURCHASE_TOKEN": "the store does not know it",
        "INVALID_REFRESH_TOKEN": "unknown, expired or used before",
        "PURCHASE_TOKEN_MISSING": "the call needs one, or a key",
        "SESSION_ENDED": "log in again",
        "WRONG_PASSWORD": "the user and the password do not belong together",
    },
    403: {"NOT_SERVED": "such as an upgrade that nothing offers"},
    404: {
        "SHARED_ITEM_NOT_FOUND": "no such item, or it has expired",
        "UNKNOWN_PATH": "no such path",
        "USER_NOT_FOUND": "no such user",
        "WORKOUT_NOT_FOUND": "the caller has no such workout",
    },
    405: {"METHOD_NOT_ALLOWED": "the path has others, which the Allow header names"},
    409: {
        "HAS_USERNAME": "the caller has another one",
        "SHARED_ITEM_EXISTS": "the caller shared another item by this request id",
        "USERNAME_TAKEN": "somebody else has it",
        "WORKOUT_EXISTS": "there is another workout of this id",
    },
    413: {"REQUEST_TOO_LARGE": "more than 4 MiB (431: headers of more than 32 KiB)"},
    415: {
        "UNSUPPORTED_CONTENT_TYPE": "the body is said to be something else than JSON",
        "UNSUPPORTED_ENCODING": "the body is compressed",
    },
    423: {"FEATURE_DISABLED": "it is switched off on this server"},
    429: {
        "DISK_FULL": "the server's disk is full; only deletions are accepted (503 at /health)",
        "INBOX_FULL": "the inbox is full, most of all of what the caller's network sent",
        "QUOTA_EXCEEDED": "the caller, or the caller's network, stores all that one may",
        "QUOTA_EXHAUSTED": "no introductions of the model are left",
        "QUOTA_USED_UP": "no answers of the model are left",
        "REPLY_TOO_LARGE": "the reply would be larger than any may be; ask for less",
        "TOO_MANY_CALLS": "too many calls of the caller's address are in flight",
        "TOO_MANY_IMPORTS": "other files of the caller's are being imported",
        "TOO_MANY_MESSAGES": "too many messages to this inbox come from the caller's network",
        "TOO_MANY_NEW_USERS": "too many users come from the caller's network",
        "TOO_MANY_PASSWORDS": "too many wrong passwords",
        "TOO_MANY_API_KEYS": "too many wrong keys",
        "TOO_MANY_PURCHASE_TOKENS": "too many wrong purchase tokens",
        "TOO_MANY_REQUESTS": "too many calls",
        "TOO_MANY_SECRETS": "too many wrong follow secrets",
        "TOO_MANY_USERNAMES": "too many taken usernames were tried",
    },
    500: {"INTERNAL": "nobody foresaw it; the log tells more under the x-request-id"},
    503: {
        "DATABASE_UNAVAILABLE": "the database is out of reach",
        "MODEL_FAILED": "the model gave no usable answer",
        "MODEL_UNAVAILABLE": "the model is out of reach",
        "OVERLOADED": "too much of this is being done",
        "READ_ONLY": "the database takes no writes",
        "STORE_UNAVAILABLE": "the store that sold the purchase is out of reach",
        "UNAVAILABLE": "no worker can be reached",
        "UPLOAD_TOO_SLOW": "nothing of the file came for 30 s, or too little",
    },
    504: {"TIMEOUT": "the call took too long (408: the request did)"},
}

_DISABLED = "The feature is switched off on this server."
_UNAUTHENTICATED = {
    _Authentication.SCHEME_PASSWORD: "The password or the access token is wrong.",
    _Authentication.SCHEME_ACCESS_TOKEN: "There is no access token, or it is not valid.",
    _Authentication.SCHEME_PURCHASE_TOKEN: "There is no valid purchase token, and no valid key.",
}
_TOO_MANY = {
    _Authentication.SCHEME_PASSWORD: "Too many wrong passwords.",
    _Authentication.SCHEME_PURCHASE_TOKEN: "Too many wrong purchase tokens or keys.",
}
_CODE = "|".join(STATUSES)
_CLAUSE = re.compile(rf"\b({_CODE}): ([^.]+(?:\.(?!\s|$)[^.]+)*)")


def errors_of(
    method: MethodDescriptor, binding: Binding, comments: Mapping[str, str]
) -> dict[int, str]:
    """The statuses that a call may be answered with, and what each says."""
    said: dict[int, list[str]] = defaultdict(list)
    scheme = scheme_of(method)
    if binding.body or method.input_type.fields:
        said[400].append("The request is malformed or breaks a limit.")
    if scheme in _UNAUTHENTICATED:
        said[401].append(_UNAUTHENTICATED[scheme])
    if scheme in _TOO_MANY:
        said[429].append(_TOO_MANY[scheme])
    if method.name != "GetHealth":
        said[429].append("Too many calls of the caller's address are in flight.")
    if binding.body and not method.client_streaming:
        said[413].append("The request is larger than 4 MiB.")
        said[415].append("The body is compressed, or is said to be something else than JSON.")
    elif binding.body:
        said[415].append("The body is compressed.")
    if method.containing_service.GetOptions().Extensions[options_pb2.feature]:
        said[423].append(_DISABLED)
    said[503].append("The server cannot answer right now. Try again.")
    for code, clause in _clauses(method, comments):
        status = STATUSES[code]
        # A call without fields has nothing that could be wrong; who calls was said above.
        if (status == 400 and not said[400]) or (status == 401 and said[401]):
            continue
        said[status].append(f"{clause[0].upper()}{clause[1:]}.")
    return {status: " ".join(texts) for status, texts in sorted(said.items()) if texts}


def error_schemas() -> Json:
    """The schema of an error and of its details."""
    kinds = [_error_info(), _bad_request(), _retry_info()]
    references = [{"$ref": f"#/components/schemas/{kind['title']}"} for kind in kinds]
    return {
        "Error": {
            "type": "object",
            "description": "What every error looks like. The first detail is an ErrorInfo.",
            "properties": {
                "code": {"type": "integer", "format": "int32", "description": "The gRPC code."},
                "message": {"type": "string", "description": "A sentence for people."},
                "details": {"type": "array", "items": {"oneOf": references}},
            },
            "required": ["code", "message", "details"],
        },
        **{kind["title"]: kind for kind in kinds},
    }


def _error_info() -> Json:
    names = sorted(name for reasons in REASONS.values() for name in reasons)
    about = "Why, as a name for programs that never changes. There may be new ones."
    reason = {"type": "string", "description": about, "examples": names}
    domain = {"type": "string", "const": "gymlocker"}
    metadata = {"type": "object", "additionalProperties": {"type": "string"}}
    fields = {"reason": reason, "domain": domain, "metadata": metadata}
    return _detail("ErrorInfo", "Why the call failed.", fields)


def _bad_request() -> Json:
    violation = {
        "type": "object",
        "properties": {
            "field": {"type": "string", "description": "Its path, as the proto spells it."},
            "description": {"type": "string", "description": "What is wrong with it."},
            "reason": {"type": "string", "description": "Empty."},
        },
        "required": ["field", "description", "reason"],
    }
    fields = {"fieldViolations": {"type": "array", "items": violation}}
    return _detail("BadRequest", "The fields that break their limits.", fields)


def _retry_info() -> Json:
    delay = {"type": "string", "pattern": r"^[0-9]+([.][0-9]{1,9})?s$"}
    return _detail("RetryInfo", "How long to wait.", {"retryDelay": delay})


def _detail(name: str, about: str, fields: Json) -> Json:
    kind = {"type": "string", "const": f"type.googleapis.com/google.rpc.{name}"}
    return {
        "title": name,
        "type": "object",
        "description": about,
        "properties": {"@type": kind, **fields},
        "required": ["@type", *fields],
    }


def _clauses(method: MethodDescriptor, comments: Mapping[str, str]) -> list[tuple[str, str]]:
    about = (comments[method.full_name], comments[method.containing_service.full_name])
    return [(match[1], match[2]) for text in about for match in _CLAUSE.finditer(text)]
