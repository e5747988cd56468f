"""Random calls that follow the document, and random ones that do not, against a whole house.

    OPENAPI_EXAMPLES=2000 uv run pytest tests/contract/openapi/test_conformance.py

makes more of them of each operation than the few that a run of all tests has time for, and tries
what is just beyond each limit as well.
"""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import GenerationConfig
from schemathesis.generation import GenerationMode
from schemathesis.generation.hypothesis.builder import (
    HypothesisTestConfig,
    HypothesisTestMode,
    create_test,
)
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.contract.openapi.checks import CHECKS
from tests.contract.openapi.descriptions import closed, operations
from tests.contract.openapi.person import Case, Person
from tests.support.stack import Stack

FEW = 5
EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", FEW))
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # How long the server takes, and that a valid request takes some finding, is not the question.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
# What is said of a field cannot hold where it depends on something else: a page token or a last
# message that is none, a mask of fields that are not there, a file of which nothing can be read, a
# name or a password that RFC 8265 does not allow.
MAY_BE_REFUSED = {
    "AiService_StreamChat",
    "AuthService_ChangePassword",
    "AuthService_ClaimUsername",
    "AuthService_Register",
    "WorkoutService_ImportWorkouts",
    "WorkoutService_ListWorkouts",
    "WorkoutService_UpdateWorkout_patch",
}
OPERATIONS = [operation["operationId"] for _, _, operation in operations()]


@pytest.fixture(scope="session")
def schema() -> OpenApiSchema:
    """The document."""
    schema = schemathesis.openapi.from_dict(closed())
    if EXAMPLES <= FEW:
        only_valid = GenerationConfig(modes=[GenerationMode.POSITIVE])
        schema.config.phases.coverage.generation = only_valid
    return schema


# Not schemathesis' own decorator: by it, each of pytest's processes works out at the start all that
# is to be asked, which takes as long as asking it.
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_the_server_does_what_the_document_says(
    operation_id: str, schema: OpenApiSchema, own_stack: Stack, person: Person
) -> None:
    name = operation_id.removesuffix("_unversioned")
    checks = [*CHECKS, *([] if name in MAY_BE_REFUSED else [positive_data_acceptance])]
    modes = [HypothesisTestMode.EXAMPLES, HypothesisTestMode.FUZZING]
    if name == operation_id:
        # The edges of each field, once.
        modes.append(HypothesisTestMode.COVERAGE)

    def call(case: Case) -> None:
        person.take_over(case)
        headers = person.credentials(case)
        case.call_and_validate(base_url=own_stack.url, headers=headers, checks=checks)

    operation = schema.find_operation_by_id(operation_id)
    config = HypothesisTestConfig(project=schema.config, modes=modes, settings=SETTINGS)
    create_test(operation=operation, test_func=call, config=config)()
