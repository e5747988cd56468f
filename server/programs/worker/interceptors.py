"""The interceptors around every call, from the outside in."""

from collections.abc import Sequence

from server.libraries.rpc.admission import AdmissionInterceptor, Shares
from server.libraries.rpc.authentication import (
    AccessTokenInterceptor,
    PasswordInterceptor,
    PurchaseTokenInterceptor,
)
from server.libraries.rpc.errors import ErrorInterceptor
from server.libraries.rpc.feature_switches import FeatureInterceptor
from server.libraries.rpc.interceptor import Interceptor
from server.libraries.rpc.logging import LoggingInterceptor
from server.libraries.rpc.request_reading import ReceivingInterceptor
from server.libraries.rpc.unread_responses import ReplyInterceptor
from server.libraries.rpc.validation import ValidationInterceptor
from server.programs.worker.components import Components
from server.programs.worker.contract import served_methods
from server.programs.worker.planner import planner_authenticator


def interceptors(components: Components, observers: Sequence[Interceptor]) -> list[Interceptor]:
    """Return the interceptors, the outermost first; `observers` measure and trace calls."""
    methods = served_methods()
    authentication, settings = components.authentication, components.settings.worker
    return [
        LoggingInterceptor(methods),
        *observers,
        ErrorInterceptor(methods, components.metrics.refused),
        AdmissionInterceptor(
            methods,
            calls=Shares(settings.calls_per_address),
            streams=Shares(settings.streams_per_address),
        ),
        FeatureInterceptor(methods, components.features),
        ReceivingInterceptor(methods),
        AccessTokenInterceptor(methods, authentication.access_tokens),
        PurchaseTokenInterceptor(methods, planner_authenticator(components)),
        ValidationInterceptor(methods),
        PasswordInterceptor(methods, authentication.passwords),
        components.limits.interceptor(methods),
        ReplyInterceptor(methods, components.large_responses),
    ]
