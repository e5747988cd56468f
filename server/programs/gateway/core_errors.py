"""Errors that gRPC core makes before a worker hears of the call, given the form of all others.

They are known by their codes, and by having no details. Filters of Envoy's, each of which acts on
one code alone.
"""

from typing import Any

from google.rpc.code_pb2 import INTERNAL, RESOURCE_EXHAUSTED

from server.programs.gateway.local_replies import MISREAD, TOO_LARGE, LocalReply, grpc_headers

_TYPES = "type.googleapis.com/envoy"
_MATCHER = f"{_TYPES}.extensions.common.matching.v3.ExtensionWithMatcher"
_MUTATION = f"{_TYPES}.extensions.filters.http.header_mutation.v3.HeaderMutation"
_HEADER = f"{_TYPES}.type.matcher.v3.HttpResponseHeaderMatchInput"
_SKIP = f"{_TYPES}.extensions.filters.common.matcher.action.v3.SkipFilter"


def core_error_filters() -> dict[str, Any]:
    """The filters, by their names in envoy.yaml."""
    return {
        # What is not compressed as it says, which is the caller's fault.
        "MISREAD": _filter("misread", INTERNAL, MISREAD),
        # A message of a stream, or one that grew when it was decompressed.
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
    is_another = {"not_matcher": _header("grpc-status", {"exact": str(code)})}
    has_details = _header("grpc-status-details-bin", {"prefix": "C"})  # the field of the code
    predicate = {"or_matcher": {"predicate": [is_another, has_details]}}
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
