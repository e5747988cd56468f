"""How a caller is authenticated, as `options.proto` declares it of each method."""

from google.protobuf.descriptor import MethodDescriptor
from gymlocker.v2 import options_pb2

from scripts.openapi.limits import Json

_Scheme = options_pb2.Authentication.Scheme

SCHEMES: Json = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of a session, which Login and RefreshToken give.",
    },
    "purchaseToken": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`<Store> <token>`: the store that sold the app's paid part (Web, Google, "
        "Apple or RevenueCat) and the token of the purchase. `Bearer ` may stand before it.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key of this server.",
    },
}

# What a scheme is met by, any one of them.
_REQUIREMENTS: dict[int, list[Json]] = {
    options_pb2.Authentication.SCHEME_NONE: [],
    # The password stands in the body, which OpenAPI has no word for: nothing, or a token.
    options_pb2.Authentication.SCHEME_PASSWORD: [{}, {"accessToken": []}],
    options_pb2.Authentication.SCHEME_ACCESS_TOKEN: [{"accessToken": []}],
    options_pb2.Authentication.SCHEME_PURCHASE_TOKEN: [{"purchaseToken": []}],
    options_pb2.Authentication.SCHEME_API_KEY: [{"apiKey": []}],
}


def scheme_of(method: MethodDescriptor) -> "_Scheme.ValueType":
    """How the callers of a method are authenticated."""
    return method.GetOptions().Extensions[options_pb2.authentication].scheme


def requirements_of(method: MethodDescriptor) -> list[Json]:
    """What a caller of a method must bring, one of them."""
    rule = method.GetOptions().Extensions[options_pb2.authentication]
    return [each for scheme in (rule.scheme, *rule.alternatives) for each in _REQUIREMENTS[scheme]]
