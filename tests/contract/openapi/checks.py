"""Checks of every reply."""

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from scripts.openapi.errors import REASONS
from tests.contract.openapi.person import Case


def reason_is_documented(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """Check that the document lists an error's reason for its status."""
    if response.status_code >= 400 and case.method != "HEAD":
        reason = response.json()["details"][0]["reason"]
        assert reason in REASONS[response.status_code], f"{reason} is not documented"


# Other tests know the methods of each path: PUT /workouts/import is about a workout named "import".
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    reason_is_documented,
]
