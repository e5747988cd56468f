"""The methods whose calls are limited."""

from server.libraries.limits.interceptor import stores
from server.programs.worker.contract import contract_methods

# Methods with side effects that store nothing.
EXEMPT = {
    "DeleteUser",
    "DeleteEvent",
    "DeleteBackup",
    "DeleteAccessKey",
    "DeleteSession",
    "DeleteEndpoint",
    "DeleteFollowSecret",
    "DeleteWorkout",
    "GetInboxMessages",
    "LeaseInboxMessages",
    "AckInboxMessages",
    "Login",
    "RefreshToken",
    "Logout",
    "ChangePassword",
    "GenerateWorkoutPlan",
    "GenerateSession",
    "Chat",
    "StreamChat",
}


class TestStores:
    def test_is_true_for_all_side_effects_but_a_few(self) -> None:
        methods = contract_methods().values()
        exempt = {one.name for one in methods if one.has_side_effects and not stores(one)}
        assert exempt == EXEMPT
        assert not any(stores(one) for one in methods if not one.has_side_effects)
