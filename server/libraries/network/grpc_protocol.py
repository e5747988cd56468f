"""Names on the wire that servers and clients share, and the status of a failed call."""

from collections.abc import Iterable

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

# google.rpc.ErrorInfo.domain of every error.
ERROR_DOMAIN = "gymlocker"
HEALTH_CHECK_PATH = "/grpc.health.v1.Health/Check"

# Metadata of requests.
AUTHORIZATION_KEY = "authorization"
API_KEY_KEY = "x-api-key"
# The client's address. Envoy sets it on every call and replaces a value from the client.
ADDRESS_KEY = "x-client-address"
# The address of the machine that connected to Envoy, which sets it on every call: the client's, or
# that of a proxy in front.
DIRECT_PEER_KEY = "x-direct-peer"
# Set by browsers, and not by scripts in them: whether another site made the request.
FETCH_SITE_KEY = "sec-fetch-site"
USER_AGENT_KEY = "user-agent"
# The path and query of a transcoded call, set by Envoy.
ORIGINAL_PATH_KEY = "x-envoy-original-path"
# The HTTP method of a transcoded call, set by Envoy.
ORIGINAL_METHOD_KEY = "x-envoy-original-method"
# The Content-Length of the HTTP request, set by Envoy if there is one.
CONTENT_LENGTH_KEY = "x-content-length"
TRACE_PARENT_KEY = "traceparent"

# Metadata of requests and responses.
REQUEST_ID_KEY = "x-request-id"

# Trailing metadata of errors. The first holds the whole status, with its typed details.
STATUS_DETAILS_KEY = "grpc-status-details-bin"
# The HTTP status of a transcoded call, if it differs from the one of gRPC's code.
HTTP_STATUS_KEY = "x-http-status"
# Initial metadata: the Content-Length of a transcoded response.
RESPONSE_LENGTH_KEY = "x-content-length"
RETRY_AFTER_KEY = "retry-after"
AUTHENTICATE_KEY = "www-authenticate"


def status_in(metadata: Iterable[tuple[str, str | bytes]] | None) -> Status | None:
    """Return the status in trailing metadata; None if it is missing or cannot be decoded."""
    for key, value in metadata or ():
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                return None
    return None
