"""The composition root of a worker: builds its objects and serves until a signal."""

from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from functools import partial

from server.libraries.network.tls import Identity
from server.libraries.rpc.server import add_reflection, bind, make_server, run
from server.libraries.settings import WorkerSettings
from server.libraries.telemetry.event_loop import measure_lag
from server.libraries.telemetry.metrics_server import serve_metrics
from server.libraries.telemetry.process import new_registry
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.programs.worker.components import build_components
from server.programs.worker.contract import contract_services
from server.programs.worker.databases import open_databases
from server.programs.worker.interceptors import interceptors
from server.programs.worker.jobs import background_jobs
from server.programs.worker.observability import observers
from server.programs.worker.services import add_services
from server.services.ai.purchase.model import Store
from server.services.auth.signing_keys import load_keys


async def serve(
    settings: WorkerSettings,
    *,
    listen: str,
    reflection: bool,
    metrics_at: str | None = None,
    identity: Identity | None = None,
    beside: AbstractAsyncContextManager[None] | None = None,
) -> None:
    """Run one worker on `listen` (host:port or unix:path) until SIGTERM or SIGINT.

    With an `identity`, only mutual TLS is accepted. Metrics are served at `metrics_at` (host:port).
    `beside` is entered while the worker serves: another server, a client of this one. Raises
    StartError if the worker cannot run.
    """
    keys = load_keys(settings.tokens)
    registry = new_registry()
    metrics = WorkerMetrics(registry, stores=[store.value for store in Store])
    async with AsyncExitStack() as resources:
        databases = await open_databases(
            settings.worker, metrics, resources, timed=bool(metrics_at)
        )
        observing = await observers(settings.worker, metrics if metrics_at else None, resources)
        components = await build_components(settings, keys, databases, metrics, resources)
        server = make_server(*interceptors(components, observing))
        health = add_services(server, components)
        jobs = background_jobs(components)
        if metrics_at:
            resources.enter_context(serve_metrics(registry, metrics_at))
            jobs.append(partial(measure_lag, metrics.event_loop_lag_seconds.observe))
        if reflection:
            add_reflection(server, contract_services())
        bind(server, listen, identity)
        await run(
            server,
            health,
            jobs,
            drain_seconds=settings.worker.drain_seconds,
            beside=beside or nullcontext(),
            before_stop=components.watching.streams.close,
        )
