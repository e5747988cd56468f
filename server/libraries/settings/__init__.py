"""Typed settings from the environment, read once.

Every setting is a field here; its name in capitals is the environment variable. A setting that is
not in the environment is read from `.env` in the current folder, or from a file of its name, as
containers provide secrets.

    environment.py  sources of all settings
    files.py        settings from files, and settings that are lists or name files
    process.py      logs, databases, passwords; Envoy; `gymlocker up`
    tokens.py       access tokens and their keys
    limits.py       limits on stored data
    planner.py      the language model
    purchases.py    the stores
    features.py     switches of features
    backups.py      backups of the app: store, keys, retention
    access.py       API keys of the server
    hints.py        hints between workers
    push.py         Web Push: keys and limits
    worker.py       all settings of a worker
"""

from server.libraries.settings.access import AccessSettings
from server.libraries.settings.backups import BackupSettings
from server.libraries.settings.environment import EnvironmentSettings, load
from server.libraries.settings.features import FeatureSettings
from server.libraries.settings.hints import HintSettings
from server.libraries.settings.limits import LimitSettings
from server.libraries.settings.planner import OPENAI_URL, PlannerSettings
from server.libraries.settings.process import GatewaySettings, LocalSettings, LogSettings, Settings
from server.libraries.settings.purchases import PurchaseSettings
from server.libraries.settings.push import PushSettings
from server.libraries.settings.tokens import TokenSettings
from server.libraries.settings.worker import WorkerSettings, load_worker_settings

__all__ = [
    "OPENAI_URL",
    "AccessSettings",
    "BackupSettings",
    "EnvironmentSettings",
    "FeatureSettings",
    "GatewaySettings",
    "HintSettings",
    "LimitSettings",
    "LocalSettings",
    "LogSettings",
    "PlannerSettings",
    "PurchaseSettings",
    "PushSettings",
    "Settings",
    "TokenSettings",
    "WorkerSettings",
    "load",
    "load_worker_settings",
]
