"""Errors of each call, and the form that they share.

Errors of a single method are read from its comment: `CODE if` and the condition. The others follow
from the method's authentication and its request.
"""

import re
from collections import defaultdict
from collections.abc import Mapping

from google.protobuf.descriptor import MethodDescriptor
from gymlocker.v2 import options_pb2

from scripts.openapi.contract import Binding
from scripts.openapi.limits import Json
from scripts.openapi.requests import has_parameters
from scripts.openapi.security import scheme_of

_Authentication = options_pb2.Authentication

# Envoy's translation of the codes, or the status of the error itself (see server/errors.py).
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
    # The reason of a FAILED_PRECONDITION that has its own status.
    "FEATURE_DISABLED": 423,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
}
# The reasons that REST returns, by status. A test compares them with the code.
REASONS: dict[int, dict[str, str]] = {
    400: {
        "INVALID_REQUEST": "fields violate their limits; BadRequest names them",
        "MALFORMED_REQUEST": "the body is not JSON, not the JSON of this call, or not HTTP",
        "PLANNER_NOT_CONFIGURED": "no model is configured on this server",
        "UNKNOWN_PARAMETER": "the call changes data and has no such query parameter",
    },
    401: {
        "ACCESS_TOKEN_EXPIRED": "the access token has expired; RefreshToken returns a new one",
        "ACCESS_TOKEN_MISSING": "the call requires an access token",
        "INVALID_ACCESS_TOKEN": "the token is not one of this server's, or is another user's",
        "INVALID_API_KEY": "the key is not one of this server's",
        "INVALID_PURCHASE_TOKEN": "the store does not know the purchase token",
        "INVALID_REFRESH_TOKEN": "the refresh token is unknown, expired or already used",
        "PURCHASE_TOKEN_MISSING": "the call requires a purchase token or a key",
        "RECENT_LOGIN_REQUIRED": "the login is too long ago; send the password, or log in again",
        "SESSION_ENDED": "the session has ended; log in again",
        "WRONG_PASSWORD": "the password does not belong to the user",
    },
    403: {
        "ACCOUNT_REQUIRED": "the caller has no account, and so no training log",
        "ACCOUNT_DISABLED": "the operator of the server has disabled the account",
        "CROSS_SITE_REQUEST": "another site made the request, in the name of a forwarded user",
        "NOT_SERVED": "the server does not offer this, such as an upgrade",
        "REGISTRATION_CLOSED": "the server accepts no new users",
        "REGISTRATION_KEY_REQUIRED": "new users need the server's key or an unused invitation",
        "SCOPE_MISSING": "the access key has none of the scopes that `metadata.scopes` lists",
    },
    404: {
        "ACCESS_KEY_NOT_FOUND": "the caller has no such access key",
        "BACKUP_NOT_FOUND": "the caller has no such backup",
        "PUSH_ENDPOINT_NOT_FOUND": "the caller has no such push endpoint",
        "SESSION_NOT_FOUND": "the caller has no such session",
        "SHARED_ITEM_NOT_FOUND": "the item does not exist or has expired",
        "UNKNOWN_PATH": "the path does not exist",
        "USER_NOT_FOUND": "the user does not exist",
        "WORKOUT_NOT_FOUND": "the caller has no such workout",
    },
    405: {"METHOD_NOT_ALLOWED": "the Allow header lists the methods of the path"},
    409: {
        "HAS_USERNAME": "the caller has a different username",
        "SHARED_ITEM_EXISTS": "the caller shared a different item with this request id",
        "USERNAME_TAKEN": "another user has the username",
        "WORKOUT_EXISTS": "a workout with this id exists and has different contents",
    },
    410: {"CURSOR_EXPIRED": "deletions after the cursor are forgotten; begin without a cursor"},
    412: {"ETAG_MISMATCH": "the workout has changed since the caller read it; read it again"},
    413: {"REQUEST_TOO_LARGE": "the body exceeds 4 MiB, or a backup its limit"},
    415: {
        "UNSUPPORTED_CONTENT_TYPE": "the content type is not JSON",
        "UNSUPPORTED_ENCODING": "the body is compressed",
    },
    423: {"FEATURE_DISABLED": "the feature is switched off on this server"},
    429: {
        "DISK_FULL": "the server's disk is full; only deletions are accepted (503 at /health)",
        "INBOX_FULL": "the inbox is full, and most of its messages come from the caller's network",
        "QUOTA_EXCEEDED": "the caller, or the caller's network, has reached a storage limit",
        "QUOTA_EXHAUSTED": "no greetings of the model are left",
        "QUOTA_USED_UP": "no answers of the model are left",
        "REPLY_TOO_LARGE": "the reply would exceed the maximum size; request less",
        "TOO_MANY_BACKUPS": "the caller has stored too many backups in a short time",
        "TOO_MANY_CALLS": "too many calls from the caller's address are in flight",
        "TOO_MANY_DOWNLOADS": "other backups of the caller or its address are being downloaded",
        "TOO_MANY_IMPORTS": "other files of the caller or its address are being imported",
        "TOO_MANY_MESSAGES": "too many messages to this inbox come from the caller's network",
        "TOO_MANY_NEW_USERS": "too many users were created from the caller's network",
        "TOO_MANY_PASSWORDS": "too many wrong passwords were tried",
        "TOO_MANY_API_KEYS": "too many wrong keys were tried",
        "TOO_MANY_PUSH_ENDPOINTS": "too many push endpoints were registered",
        "TOO_MANY_PURCHASE_TOKENS": "too many wrong purchase tokens were tried",
        "TOO_MANY_REQUESTS": "too many calls",
        "TOO_MANY_SECRETS": "too many wrong follow secrets were tried",
        "TOO_MANY_UPLOADS": "other backups of the caller or its address are being sent",
        "TOO_MANY_USERNAMES": "too many taken usernames were tried",
    },
    431: {"REQUEST_TOO_LARGE": "the address and the headers exceed 32 KiB"},
    500: {"INTERNAL": "unexpected error; the server's log has details under the x-request-id"},
    503: {
        "BACKUP_STORE_UNAVAILABLE": "the store of backups is unreachable",
        "DATABASE_UNAVAILABLE": "the database is unreachable",
        "MODEL_FAILED": "the model returned no usable answer",
        "MODEL_UNAVAILABLE": "the model is unreachable",
        "OVERLOADED": "too many calls of this kind are in progress",
        "READ_ONLY": "the database rejects writes",
        "STORE_UNAVAILABLE": "the store of the purchase is unreachable",
        "UNAVAILABLE": "no worker is reachable",
        "UPLOAD_TOO_SLOW": "the file arrived too slowly, or not at all for 30 s",
    },
    504: {"TIMEOUT": "the call took too long (408: its request arrived too slowly)"},
}

_DISABLED = "The feature is switched off on this server."
_DENIED = "The access key has none of the scopes for this call, or the account is disabled."
_UNAUTHENTICATED = {
    _Authentication.SCHEME_PASSWORD: "The password, access token or key is invalid.",
    _Authentication.SCHEME_ACCESS_TOKEN: "The access token or key is missing or invalid.",
    _Authentication.SCHEME_PURCHASE_TOKEN: "There is no valid purchase token or key.",
}
_TOO_MANY = {
    _Authentication.SCHEME_PASSWORD: "Too many wrong passwords were tried.",
    _Authentication.SCHEME_PURCHASE_TOKEN: "Too many wrong purchase tokens or keys were tried.",
}
_CODE = "|".join(STATUSES)
# In brackets: the status over HTTP.
_CLAUSE = re.compile(rf"\b({_CODE})(?: \([^)]+\))? if ([^.]+(?:\.(?!\s|$)[^.]+)*)")


def errors_of(
    method: MethodDescriptor, binding: Binding, comments: Mapping[str, str]
) -> dict[int, str]:
    """Return the error statuses of a call and their descriptions."""
    said: dict[int, list[str]] = defaultdict(list)
    scheme = scheme_of(method)
    if binding.body or method.input_type.fields:
        said[400].append("The request is malformed or violates a limit.")
    if scheme in _UNAUTHENTICATED:
        said[401].append(_UNAUTHENTICATED[scheme])
    if scheme in _UNAUTHENTICATED:
        said[403].append(_DENIED)
    if scheme in _TOO_MANY:
        said[429].append(_TOO_MANY[scheme])
    if method.name != "GetHealth":
        said[429].append("Too many calls from the caller's address are in flight.")
    if binding.body and not method.client_streaming:
        said[413].append("The request exceeds 4 MiB.")
        said[415].append("The body is compressed, or its content type is not JSON.")
    elif binding.body:
        said[413].append("The file exceeds its limit.")
        said[415].append("The body is compressed.")
    if has_parameters(method, binding):
        said[431].append("The address, with its query, and the headers exceed 32 KiB.")
    if method.containing_service.GetOptions().Extensions[options_pb2.feature]:
        said[423].append(_DISABLED)
    said[503].append("The server cannot answer right now. Try again.")
    for code, clause in _clauses(method, comments):
        status = STATUSES[code]
        # A call without fields cannot be malformed. 401 is described above.
        if (status == 400 and not said[400]) or (status == 401 and said[401]):
            continue
        said[status].append(f"{clause[0].upper()}{clause[1:]}.")
    return {status: " ".join(texts) for status, texts in sorted(said.items()) if texts}


def error_schemas() -> Json:
    """Return the schemas of an error and of its details."""
    kinds = [_error_info(), _bad_request(), _retry_info()]
    references = [{"$ref": f"#/components/schemas/{kind['title']}"} for kind in kinds]
    return {
        "Error": {
            "type": "object",
            "description": "The form of every error. The first detail is an ErrorInfo.",
            "properties": {
                "code": {"type": "integer", "format": "int32", "description": "The gRPC code."},
                "message": {"type": "string", "description": "The error as a sentence for people."},
                "details": {"type": "array", "items": {"oneOf": references}},
            },
            "required": ["code", "message", "details"],
        },
        **{kind["title"]: kind for kind in kinds},
    }


def _error_info() -> Json:
    names = sorted({name for reasons in REASONS.values() for name in reasons})
    about = "A stable name of the reason, for programs. New reasons may be added."
    reason = {"type": "string", "description": about, "examples": names}
    domain = {"type": "string", "const": "gymlocker"}
    metadata = {"type": "object", "additionalProperties": {"type": "string"}}
    fields = {"reason": reason, "domain": domain, "metadata": metadata}
    return _detail("ErrorInfo", "The reason the call failed.", fields)


def _bad_request() -> Json:
    violation = {
        "type": "object",
        "properties": {
            "field": {
                "type": "string",
                "description": "The path of the field, named as in the proto.",
            },
            "description": {
                "type": "string",
                "description": "The limit that the field violates, in words.",
            },
            "reason": {"type": "string", "description": "Always empty."},
        },
        "required": ["field", "description", "reason"],
    }
    fields = {"fieldViolations": {"type": "array", "items": violation}}
    return _detail("BadRequest", "The fields that violate their limits.", fields)


def _retry_info() -> Json:
    delay = {"type": "string", "pattern": r"^[0-9]+([.][0-9]{1,9})?s$"}
    return _detail("RetryInfo", "The time to wait before the next attempt.", {"retryDelay": delay})


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
