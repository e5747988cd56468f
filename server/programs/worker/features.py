"""Features that a server offers."""

from collections.abc import Iterable

from server.libraries.rpc.feature_switches import switch_of
from server.libraries.rpc.method import Feature, Method
from server.libraries.settings import FeatureSettings


def offered_features(settings: FeatureSettings, methods: Iterable[Method]) -> frozenset[Feature]:
    """Return the enabled features that have methods in the contract."""
    known = frozenset[Feature]().union(*(method.features for method in methods))
    switches = settings.model_dump()
    return frozenset(feature for feature in known if switches[switch_of(feature).lower()])
