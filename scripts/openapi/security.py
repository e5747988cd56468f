"""Authentication of each call, as declared with `options.proto`."""

from google.protobuf.descriptor import MethodDescriptor
from gymlocker.v2 import options_pb2

from scripts.openapi.limits import Json

_Scheme = options_pb2.Authentication.Scheme

SCHEMES: Json = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of a session, returned by Login and RefreshToken.",
    },
    "purchaseToken": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`<Store> <token>`: the store (Web, Google, Apple or RevenueCat) and the "
        "token of a purchase of the app. `Bearer ` may precede it.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The shared key of the server, or an access key (`glk_…`) with a scope that "
        "the call needs.",
    },
}
# `Authorization: Bearer <access key>` is accepted as well, where an access token is.
_ACCESS_KEY: Json = {"apiKey": []}

# Alternatives that satisfy a scheme.
_REQUIREMENTS: dict[int, list[Json]] = {
    options_pb2.Authentication.SCHEME_NONE: [],
    # The password is in the body, which OpenAPI cannot express: no credentials, or a token.
    options_pb2.Authentication.SCHEME_PASSWORD: [{}, {"accessToken": []}],
    options_pb2.Authentication.SCHEME_ACCESS_TOKEN: [{"accessToken": []}],
    options_pb2.Authentication.SCHEME_PURCHASE_TOKEN: [{"purchaseToken": []}],
    options_pb2.Authentication.SCHEME_API_KEY: [_ACCESS_KEY],
    # A client sends nothing: the proxy in front of the server does.
    options_pb2.Authentication.SCHEME_FORWARDED_USER: [],
}


def scheme_of(method: MethodDescriptor) -> "_Scheme.ValueType":
    """Return the authentication scheme of a method."""
    return method.GetOptions().Extensions[options_pb2.authentication].scheme


def requirements_of(method: MethodDescriptor) -> list[Json]:
    """Return the security requirements of a method, one of which must be met."""
    rule = method.GetOptions().Extensions[options_pb2.authentication]
    found = [each for scheme in (rule.scheme, *rule.alternatives) for each in _REQUIREMENTS[scheme]]
    return [*found, _ACCESS_KEY] if rule.scopes and _ACCESS_KEY not in found else found
