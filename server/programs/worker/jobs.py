"""Periodic jobs beside the calls."""

from functools import partial

from server.libraries.common.periodic import repeat
from server.libraries.rpc.server import Background
from server.libraries.rpc.tuning import KEPT_SECONDS, return_freed_memory
from server.programs.worker.components import Components
from server.programs.worker.databases import MAIN, RATE_LIMITS
from server.programs.worker.metric_decorators import counted_sweep
from server.services.auth import key_uses
from server.services.system.cleanup import sweep
from server.services.system.repository import SystemRepository
from server.services.system.retention import RATE_LIMIT_SWEEPS
from server.services.user import last_accessed


def background_jobs(components: Components) -> list[Background]:
    """Return the jobs to start with the server."""
    databases = components.databases
    swept = {
        MAIN: SystemRepository(databases.main),
        RATE_LIMITS: SystemRepository(databases.rate_limits, RATE_LIMIT_SWEEPS),
    }
    minutes = components.settings.worker.cleanup_interval_minutes
    sweeping = partial(repeat, name="sweep", interval_seconds=minutes * 60)
    return [
        *(
            partial(sweeping, counted_sweep(partial(sweep, system), name, components.metrics))
            for name, system in swept.items()
        ),
        partial(
            repeat,
            components.last_accessed.write,
            name="last_accessed",
            interval_seconds=last_accessed.INTERVAL_SECONDS,
        ),
        partial(
            repeat,
            components.authentication.key_uses.write,
            name="key_uses",
            interval_seconds=key_uses.INTERVAL_SECONDS,
        ),
        partial(repeat, return_freed_memory, name="memory", interval_seconds=KEPT_SECONDS),
        *components.limits.background(),
        *components.hints.background(),
        *components.watching.background(),
        *(components.backups.background() if components.backups else []),
        *(components.push.background() if components.push else []),
    ]
