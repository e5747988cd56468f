"""Envoy filters that rewrite gRPC core's own errors into the API's error form.

gRPC core creates these errors before a worker sees the call. They are recognised by their code and
by their lack of details. Each filter acts on one code.
"""

from typing import Any

from google.rpc.code_pb2 import INTERNAL, RESOURCE_EXHAUSTED

from server.programs.gateway.local_replies import (
    BAD_COMPRESSION,
    TOO_LARGE,
    LocalReply,
    grpc_headers,
)

_TYPES = "type.googleapis.com/envoy"
_MATCHER = f"{_TYPES}.extensions.common.matching.v3.ExtensionWithMatcher"
_MUTATION = f"{_TYPES}.extensions.filters.http.header_mutation.v3.HeaderMutation"
_HEADER = f"{_TYPES}.type.matcher.v3.HttpResponseHeaderMatchInput"
_SKIP = f"{_TYPES}.extensions.filters.common.matcher.action.v3.SkipFilter"


def core_error_filters() -> dict[str, Any]:
    """Return the filters by their names in envoy.yaml."""
    return {
        # gRPC core blames the server (INTERNAL) for the client's broken compression.
        "BAD_COMPRESSION": _filter("bad_compression", INTERNAL, BAD_COMPRESSION),
        # A message of a stream, or one that exceeds the limit once decompressed.
        "TOO_LARGE": _filter("too_large", RESOURCE_EXHAUSTED, TOO_LARGE),
    }


def _filter(name: str, code: int, reply: LocalReply) -> Any:
    mutations = [
        {
            "append": {
                "header": {"key": key, "value": value},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        }
        for key, value in grpc_headers(reply).items()
    ]
    has_other_code = {"not_matcher": _header("grpc-status", {"exact": str(code)})}
    has_details = _header("grpc-status-details-bin", {"prefix": "C"})  # the field of the code
    predicate = {"or_matcher": {"predicate": [has_other_code, has_details]}}
    action = {"name": "skip", "typed_config": {"@type": _SKIP}}
    return {
        "name": name,
        "typed_config": {
            "@type": _MATCHER,
            "extension_config": {
                "name": "envoy.filters.http.header_mutation",
                "typed_config": {
                    "@type": _MUTATION,
                    "mutations": {"response_mutations": mutations},
                },
            },
            "xds_matcher": {
                "matcher_list": {
                    "matchers": [{"predicate": predicate, "on_match": {"action": action}}]
                }
            },
        },
    }


def _header(name: str, value: dict[str, str]) -> Any:
    source = {"name": name, "typed_config": {"@type": _HEADER, "header_name": name}}
    return {"single_predicate": {"input": source, "value_match": value}}
