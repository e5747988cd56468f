"""The planner and the stores of a worker."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import structlog

from server.libraries.settings import PurchaseSettings
from server.programs.worker.components import Components
from server.programs.worker.metric_decorators import CountedPlanner, CountedVerifier
from server.services.ai.authenticator import PlannerAuthenticator
from server.services.ai.planner.planner import NoPlanner, Planner
from server.services.ai.purchase.authenticator import PurchaseAuthenticator
from server.services.ai.purchase.model import Store, Verifier, names_of
from server.services.ai.quota import Quotas
from server.services.ai.repository import QuotaRepository
from server.services.ai.service import AiService

_log = structlog.get_logger("main")


def planner_authenticator(components: Components) -> PlannerAuthenticator:
    """Return the authenticator of purchases and API keys."""
    authentication, metrics = components.authentication, components.metrics
    configured = _verifiers(components.settings.purchases, components.resources)
    _log.info("purchase_stores", configured=names_of(configured))
    counted = {
        store: CountedVerifier(store, verifier, metrics) for store, verifier in configured.items()
    }
    purchases = PurchaseAuthenticator(counted, authentication.throttle)
    return PlannerAuthenticator(authentication.api_keys, purchases)


def _verifiers(settings: PurchaseSettings, resources: AsyncExitStack) -> Mapping[Store, Verifier]:
    if not settings.model_dump(exclude_defaults=True):
        return {}
    # Imported only if a store is configured: they need HTTP and certificates.
    import httpx2

    from server.services.ai.purchase.verifiers import verifiers

    http = httpx2.AsyncClient()
    resources.push_async_callback(http.aclose)
    return verifiers(settings, http)


def planner_service(components: Components) -> AiService:
    """Return the service of the planner."""
    settings, metrics = components.settings.planner, components.metrics
    quotas = Quotas(
        QuotaRepository(components.databases.rate_limits),
        web=settings.rate_limit_web_per_day,
        mobile=settings.rate_limit_mobile_per_day,
        introductions=settings.rate_limit_introductions_per_day,
        now=lambda: datetime.now(UTC),
    )
    metrics.observe_quotas(quotas)
    planner = CountedPlanner(_planner(components), metrics)
    return AiService(planner, quotas)


def _planner(components: Components) -> Planner:
    settings = components.settings.planner
    if not settings.has_model:
        return NoPlanner()
    # Imported only if there is a model: it is the largest library of all.
    from server.services.ai.planner.llm_planner import LLMPlanner

    planner = LLMPlanner(settings, on_usage=components.metrics.used_tokens)
    components.resources.push_async_callback(planner.close)
    return planner
