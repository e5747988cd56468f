"""All settings of a worker."""

from dataclasses import dataclass

from server.libraries.settings.access import AccessSettings
from server.libraries.settings.backups import BackupSettings
from server.libraries.settings.environment import load
from server.libraries.settings.features import FeatureSettings
from server.libraries.settings.hints import HintSettings
from server.libraries.settings.limits import LimitSettings
from server.libraries.settings.planner import PlannerSettings
from server.libraries.settings.process import Settings
from server.libraries.settings.purchases import PurchaseSettings
from server.libraries.settings.push import PushSettings
from server.libraries.settings.tokens import TokenSettings


@dataclass(frozen=True)
class WorkerSettings:
    """The settings of a worker, by area."""

    worker: Settings
    limits: LimitSettings
    tokens: TokenSettings
    planner: PlannerSettings
    purchases: PurchaseSettings
    access: AccessSettings
    features: FeatureSettings
    backups: BackupSettings
    hints: HintSettings
    push: PushSettings


def load_worker_settings() -> WorkerSettings:
    """Load all settings of a worker. Raises StartError as `load` does."""
    return WorkerSettings(
        load(Settings),
        load(LimitSettings),
        load(TokenSettings),
        load(PlannerSettings),
        load(PurchaseSettings),
        load(AccessSettings),
        load(FeatureSettings),
        load(BackupSettings),
        load(HintSettings),
        load(PushSettings),
    )
