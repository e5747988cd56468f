"""Features that a server offers."""

from collections.abc import Iterable

from gymlocker.v2 import options_pb2

from server.libraries.rpc.feature_switches import switch_of
from server.libraries.rpc.method import Feature, Method
from server.libraries.settings import FeatureSettings


def offered_features(
    settings: FeatureSettings, methods: Iterable[Method], *, has_backups: bool
) -> frozenset[Feature]:
    """Return the enabled features that have methods in the contract and are set up."""
    known = frozenset[Feature]().union(*(method.features for method in methods))
    switches = settings.model_dump()
    enabled = {feature for feature in known if switches[switch_of(feature).lower()]}
    return frozenset(enabled if has_backups else enabled - {options_pb2.FEATURE_BACKUP})


def missing_settings(settings: FeatureSettings) -> dict[Feature, str]:
    """Return what to set for an enabled feature that is not set up."""
    stores = "BACKUP_STORE and BACKUP_AGE_IDENTITY_FILE"
    return {options_pb2.FEATURE_BACKUP: stores} if settings.backup_enabled else {}
