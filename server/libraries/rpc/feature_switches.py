"""Rejection of calls whose feature is switched off, before any other check."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NoReturn

from gymlocker.v2 import options_pb2

from server.errors import FeatureDisabled
from server.libraries.rpc.context import Context
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Feature, Method


def switch_of(feature: Feature) -> str:
    """Return the name of the setting that enables a feature."""
    return f"{options_pb2.Feature.Name(feature).removeprefix('FEATURE_')}_ENABLED"


class FeatureInterceptor(Interceptor):
    """Serves methods with an `enabled` feature or without any feature.

    `missing` names the settings that a feature needs which is not switched off.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        enabled: Collection[Feature],
        missing: Mapping[Feature, str],
    ) -> None:
        super().__init__(methods)
        self._enabled = enabled
        self._missing = missing

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Reject calls of a method whose features are all switched off."""
        if not method.features or not method.features.isdisjoint(self._enabled):
            return call_next
        error = self._error(method.features)

        async def reject(_request: Any, _context: Context) -> NoReturn:
            raise FeatureDisabled(error, reason="FEATURE_DISABLED")

        return reject

    def _error(self, features: Collection[Feature]) -> str:
        missing = [self._missing[feature] for feature in features if feature in self._missing]
        if missing:
            return f"Not set up on this server: {missing[0]} are not set. Use another server."
        return _disabled(features)


def _disabled(features: Iterable[Feature]) -> str:
    switches = sorted(switch_of(feature) for feature in features)
    verb = "is" if len(switches) == 1 else "are"
    return (
        f"Switched off on this server: {' and '.join(switches)} {verb} false. Use another server."
    )
