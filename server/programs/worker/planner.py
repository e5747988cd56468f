"""The planner and the stores of a worker."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import structlog

from server.libraries.database.pool import Database
from server.libraries.settings import PlannerSettings, PurchaseSettings
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.programs.worker.instrumented import CountedLimit, CountedPlanner, CountedVerifier
from server.services.ai.authenticator import PlannerAuthenticator
from server.services.ai.planner.planner import NoPlanner, Planner
from server.services.ai.purchase.authenticator import PurchaseAuthenticator
from server.services.ai.purchase.model import Store, Verifier, names_of
from server.services.ai.quota import Quotas
from server.services.ai.repository import QuotaRepository
from server.services.ai.service import AiService
from server.services.auth.api_keys import ApiKeys

_log = structlog.get_logger("main")


def planner_authenticator(
    settings: PurchaseSettings,
    keys: ApiKeys,
    guesses: CountedLimit,
    metrics: WorkerMetrics,
    stack: AsyncExitStack,
) -> PlannerAuthenticator:
    """Asks the stores that are set up who has bought; `stack` gets what is to be closed."""
    configured = _verifiers(settings, stack)
    _log.info("stores", configured=names_of(configured))
    counted = {
        store: CountedVerifier(store, verifier, metrics) for store, verifier in configured.items()
    }
    return PlannerAuthenticator(keys, PurchaseAuthenticator(counted, guesses))


def _verifiers(settings: PurchaseSettings, stack: AsyncExitStack) -> Mapping[Store, Verifier]:
    if not settings.model_dump(exclude_defaults=True):
        return {}
    # Loaded only where there is a store to ask: they know certificates, and speak HTTP.
    import httpx2

    from server.services.ai.purchase.verifiers import verifiers

    http = httpx2.AsyncClient()
    stack.push_async_callback(http.aclose)
    return verifiers(settings, http)


def planner_service(
    settings: PlannerSettings,
    limits: Database,
    metrics: WorkerMetrics,
    stack: AsyncExitStack,
) -> AiService:
    """The planner, with the quotas in `limits`; `stack` gets what is to be closed."""
    quotas = Quotas(
        QuotaRepository(limits),
        web=settings.rate_limit_web_per_day,
        mobile=settings.rate_limit_mobile_per_day,
        introductions=settings.rate_limit_introductions_per_day,
        now=lambda: datetime.now(UTC),
    )
    metrics.watch_quotas(quotas)
    return AiService(CountedPlanner(_planner(settings, metrics, stack), metrics), quotas)


def _planner(settings: PlannerSettings, metrics: WorkerMetrics, stack: AsyncExitStack) -> Planner:
    if not settings.has_model:
        return NoPlanner()
    # Loaded only where there is a model: it is the largest library of all.
    from server.services.ai.planner.llm_planner import Provider

    provider = Provider(settings, used=metrics.used_tokens)
    stack.push_async_callback(provider.close)
    return provider
