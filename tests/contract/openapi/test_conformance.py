r"""Random valid and invalid calls against a whole stack.

    OPENAPI_EXAMPLES=2000 uv run --dev pytest -m extended \
        tests/contract/openapi/test_conformance.py

makes more calls of each operation than a run of all tests has time for, and also tries values just
beyond each limit.
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

pytestmark = pytest.mark.extended

FEW = 5
EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", FEW))
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # The server's speed, and the time to find a valid request, are not under test.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
# Operations that may reject a request that is valid according to the document, because it cannot
# express a limit: an invalid page token, cursor or etag, a time that does not exist or is past, a
# last message that is not the user's, a mask with absent fields, an unreadable file, or a name or
# password that RFC 8265 does not allow.
MAY_BE_REFUSED = {
    "AiService_StreamChat",
    "AuthService_ChangePassword",
    "AuthService_ClaimUsername",
    "AuthService_CreateAccessKey",
    "AuthService_Register",
    "BackupService_ImportBackup",
    "BackupService_UploadBackup",
    "EventService_GetEvents",
    "EventService_WatchEvents",
    "PushService_ConfirmEndpoint",
    "PushService_RegisterEndpoint",
    "ExerciseService_ListExercises",
    "WorkoutService_CreateWorkout",
    "WorkoutService_DeleteWorkout",
    "WorkoutService_ImportWorkouts",
    "WorkoutService_ListWorkoutChanges",
    "WorkoutService_ListWorkouts",
    "WorkoutService_UpdateWorkout",
    "WorkoutService_UpdateWorkout_patch",
}
# Their replies do not end: calls are closed after the first message.
WATCHES = {"EventService_WatchEvents", "InboxService_WatchInbox"}
OPERATIONS = [operation["operationId"] for _, _, operation in operations()]


@pytest.fixture(scope="session")
def schema() -> OpenApiSchema:
    """Return the document for schemathesis."""
    schema = schemathesis.openapi.from_dict(closed())
    if EXAMPLES <= FEW:
        only_valid = GenerationConfig(modes=[GenerationMode.POSITIVE])
        schema.config.phases.coverage.generation = only_valid
    return schema


# The decorator of schemathesis is not used: it would generate all calls at the start of each of
# pytest's processes, which takes as long as making them.
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_server_conforms_to_document(
    operation_id: str, schema: OpenApiSchema, own_stack: Stack, person: Person
) -> None:
    name = operation_id.removesuffix("_unversioned")
    checks = [*CHECKS, *([] if name in MAY_BE_REFUSED else [positive_data_acceptance])]
    modes = [HypothesisTestMode.EXAMPLES, HypothesisTestMode.FUZZING]
    if name == operation_id:
        # The boundary values of each field, once.
        modes.append(HypothesisTestMode.COVERAGE)

    def call(case: Case) -> None:
        person.take_over(case)
        headers = person.credentials(case)
        case.call_and_validate(base_url=own_stack.url, headers=headers, checks=checks)

    schema.config.max_stream_events = 1 if name in WATCHES else None
    operation = schema.find_operation_by_id(operation_id)
    config = HypothesisTestConfig(project=schema.config, modes=modes, settings=SETTINGS)
    create_test(operation=operation, test_func=call, config=config)()
