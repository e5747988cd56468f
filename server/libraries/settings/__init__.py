"""The environment, typed, read once.

Every setting of the server is a field here: its name in capitals is the environment variable. What
is not in the environment may be in `.env` in the current folder, or in a file of that name, which
is how containers are told secrets.

    environment.py  whence all are read
    files.py        settings that are lists, name files, or are in files
    process.py      logs, databases, passwords; Envoy; `gymlocker up`
    tokens.py       access tokens and their keys
    bounds.py       what strangers can make the server store
    planner.py      the language model, the stores
    features.py     the features that are switched on
    access.py       keys of the server's own
    worker.py       all that a worker is told
"""

from server.libraries.settings.access import AccessSettings
from server.libraries.settings.environment import EnvironmentSettings, load
from server.libraries.settings.features import FeatureSettings
from server.libraries.settings.limits import LimitSettings
from server.libraries.settings.planner import OPENAI_URL, PlannerSettings, PurchaseSettings
from server.libraries.settings.process import GatewaySettings, LocalSettings, LogSettings, Settings
from server.libraries.settings.tokens import TokenSettings
from server.libraries.settings.worker import WorkerSettings, load_worker_settings

__all__ = [
    "OPENAI_URL",
    "AccessSettings",
    "EnvironmentSettings",
    "FeatureSettings",
    "GatewaySettings",
    "LimitSettings",
    "LocalSettings",
    "LogSettings",
    "PlannerSettings",
    "PurchaseSettings",
    "Settings",
    "TokenSettings",
    "WorkerSettings",
    "load",
    "load_worker_settings",
]
