"""The interceptors around every call, the outermost first."""

from collections.abc import Sequence

from server.libraries.rpc.admission import AdmissionInterceptor, ConcurrencyLimit
from server.libraries.rpc.authentication import (
    CallerInterceptor,
    PasswordInterceptor,
    PurchaseTokenInterceptor,
)
from server.libraries.rpc.errors import ErrorInterceptor
from server.libraries.rpc.feature_switches import FeatureInterceptor
from server.libraries.rpc.interceptor import Interceptor
from server.libraries.rpc.logging import LoggingInterceptor
from server.libraries.rpc.response_encoding import ResponseEncodingInterceptor
from server.libraries.rpc.unary_request import UnaryRequestInterceptor
from server.libraries.rpc.validation import ValidationInterceptor
from server.programs.worker.components import Components
from server.programs.worker.contract import served_methods
from server.programs.worker.features import missing_settings
from server.programs.worker.planner import planner_authenticator


def interceptors(components: Components, observers: Sequence[Interceptor]) -> list[Interceptor]:
    """Return all interceptors; `observers` measure and trace calls."""
    methods = served_methods()
    authentication, settings = components.authentication, components.settings.worker
    return [
        LoggingInterceptor(methods),
        *observers,
        ErrorInterceptor(methods, components.metrics.rejected),
        AdmissionInterceptor(
            methods,
            calls=ConcurrencyLimit(settings.calls_per_address),
            streams=ConcurrencyLimit(settings.streams_per_address),
            watchers=ConcurrencyLimit(settings.watchers_per_address),
        ),
        FeatureInterceptor(
            methods, components.features, missing_settings(components.settings.features)
        ),
        UnaryRequestInterceptor(methods),
        CallerInterceptor(methods, authentication.callers),
        PurchaseTokenInterceptor(methods, planner_authenticator(components)),
        ValidationInterceptor(methods),
        PasswordInterceptor(methods, authentication.passwords),
        components.limits.interceptor(methods),
        ResponseEncodingInterceptor(methods, components.large_responses),
    ]
