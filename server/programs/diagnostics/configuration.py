"""The effective settings with their sources, their errors, and unknown variables.

Nothing here opens a connection, and secrets are hidden: by the type of the setting, and passwords
in the URLs of all settings.
"""

import asyncio
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from server.errors import StartError
from server.libraries.network.trusted_certificates import trusted_file
from server.libraries.settings import (
    AccessSettings,
    BackupSettings,
    EnvironmentSettings,
    FeatureSettings,
    GatewaySettings,
    HintSettings,
    LimitSettings,
    LocalSettings,
    PlannerSettings,
    PurchaseSettings,
    PushSettings,
    Settings,
    TokenSettings,
    load,
)
from server.libraries.settings.files import DotEnv, SecretFiles
from server.programs.diagnostics.liftlog_names import (
    FROM_SQLITE,
    gymlocker_name,
    is_liftlog_name,
    is_of_sqlite,
)

GROUPS: tuple[type[EnvironmentSettings], ...] = (
    Settings,
    HintSettings,
    FeatureSettings,
    LimitSettings,
    TokenSettings,
    AccessSettings,
    BackupSettings,
    PushSettings,
    PlannerSettings,
    PurchaseSettings,
    GatewaySettings,
)
# Read by the commands of the diary, not by a server.
OTHER_NAMES = frozenset({"GYMLOCKER_SESSION"})
PREFIX = "GYMLOCKER_"
# Similarity of two names, from 0 to 1, at which one counts as a misspelling of the other.
MIN_SIMILARITY = 0.88
HIDDEN = "***"
# Stands for the database that `gymlocker up` creates.
EMBEDDED = "postgresql://"

_PASSWORD = re.compile(r"(?<=://)([^/?#]*?):.*@")
_PASSWORD_IN_QUERY = re.compile(r"(password=)[^&]*", re.IGNORECASE)


@dataclass(frozen=True)
class EffectiveSetting:
    """A setting as the server would read it. `value` hides secrets; None if it is not set."""

    name: str
    value: str | None
    source: str


@dataclass(frozen=True)
class UnknownVariable:
    """A variable that is no setting, and the setting that was probably meant."""

    name: str
    meant: str | None
    is_of_sqlite: bool = False

    def __str__(self) -> str:
        """Return the message for people."""
        if is_liftlog_name(self.name):
            advice = f"use {self.meant}" if self.meant else "Gymlocker has no such setting"
            advice = FROM_SQLITE if self.is_of_sqlite else advice
            return f"{self.name} is a setting of LiftLog's server: {advice}."
        hint = f"Did you mean {self.meant}?" if self.meant else "`gymlocker config` lists all."
        return f"{self.name} is set, but there is no such setting. {hint}"


def names() -> set[str]:
    """Return the names of all settings."""
    return {name.upper() for group in GROUPS for name in group.model_fields}


def effective_settings() -> list[EffectiveSetting]:
    """Return all settings, each once, in the order of docs/settings.md."""
    found = {one.name: one for group in GROUPS for one in _effective_settings(group)}
    return list(found.values())


def settings_errors() -> list[str]:
    """Return the errors of the settings, one per group. DATABASE_URL is optional, as for `up`."""
    embedded = load(LocalSettings).database_url is None
    given = {"database_url": EMBEDDED} if embedded else {}
    return [error for group in GROUPS if (error := _settings_error(group, given))]


def key_error() -> str | None:
    """Return the error of the keys of access tokens. JWT_SECRET_KEY is optional, as for `up`."""
    from server.services.auth.signing_keys import load_keys

    is_set = load(LocalSettings).jwt_secret_key is not None
    created = {} if is_set else {"jwt_secret_key": secrets.token_hex(32)}
    try:
        load_keys(load(TokenSettings, **created))
    except StartError as error:
        return str(error)
    return None


async def store_error() -> str | None:
    """Return the error of the stores' settings; an incomplete store would reject its buyers."""
    settings = load(PurchaseSettings)
    if not settings.model_dump(exclude_defaults=True, exclude={"secrets_dir"}):
        return None
    import httpx2

    from server.services.ai.purchase.verifiers import verifiers

    async with httpx2.AsyncClient() as http:
        try:
            verifiers(settings, http)
        except StartError as error:
            return str(error)
    return None


def require_usable() -> None:
    """Raise StartError with all errors of the settings, before anything is started."""
    if errors := settings_errors():
        raise StartError("\n".join(errors))
    trusted_file()
    errors = [error for error in (key_error(), asyncio.run(store_error())) if error]
    if errors:
        raise StartError("\n".join(errors))


def unknown_variables() -> list[UnknownVariable]:
    """Return the variables of the environment and of `.env` that look like settings of ours."""
    return list(_unknown({**_dotenv(), **os.environ}))


def _unknown(given: Mapping[str, str]) -> Iterator[UnknownVariable]:
    known = names()
    for name in sorted(given.keys() - known - OTHER_NAMES):
        if is_liftlog_name(name):
            meant = gymlocker_name(name)
            of_sqlite = is_of_sqlite(name, given[name])
            yield UnknownVariable(name, meant if meant in known else None, of_sqlite)
            continue
        meant = _meant(name.removeprefix(PREFIX), known)
        # A name without the prefix may belong to another program.
        if name.startswith(PREFIX) or (meant and name.isupper()):
            yield UnknownVariable(name, meant)


def _meant(name: str, known: set[str]) -> str | None:
    """Find the setting with a similar name, or with more words: OPENAI_API_KEY for OPENAI_KEY."""
    if similar := get_close_matches(name, known, n=1, cutoff=MIN_SIMILARITY):
        return similar[0]
    words = name.split("_")
    longer = [one for one in known if len(words) > 1 and _has(one.split("_"), words)]
    return min(longer, key=lambda one: (len(one), one), default=None)


def _has(setting: list[str], words: list[str]) -> bool:
    """Check whether a setting begins with the first of `words` and has all others in order."""
    rest = iter(setting)
    return setting[0] == words[0] and all(word in rest for word in words)


def _dotenv() -> dict[str, str]:
    """Return all variables in `.env`, also those that are no settings."""
    found = DotEnv(EnvironmentSettings).env_vars
    return {name.upper(): value or "" for name, value in found.items()}


def _effective_settings(group: type[BaseSettings]) -> Iterator[EffectiveSetting]:
    sources = _sources(group)
    for name, field in group.model_fields.items():
        found = ((source, values[name]) for source, values in sources.items() if name in values)
        source, value = next(found, (_unset(field), _default(field)))
        yield EffectiveSetting(name.upper(), _shown(name, field, value), source)


def _sources(group: type[BaseSettings]) -> dict[str, dict[str, object]]:
    """Return the values of each source, in the order of precedence."""
    values: dict[str, dict[str, object]] = {
        "environment": EnvSettingsSource(group)(),
        ".env": DotEnv(group)(),
    }
    files = SecretFiles(group)
    # Pydantic does this when it reads all sources in turn.
    files._set_current_state(values[".env"] | values["environment"])  # noqa: SLF001
    return values | {"file": files()}


def _default(field: FieldInfo) -> object:
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _unset(field: FieldInfo) -> str:
    """Return the source of a setting that is not set, with the meaning of that."""
    extra = field.json_schema_extra
    return f"default: {extra['unset']}" if isinstance(extra, dict) else "default"


def _shown(name: str, field: FieldInfo, value: object) -> str | None:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return None
    # In an invalid URL, the position of the password is unknown.
    is_invalid_url = name.endswith("database_url") and "://" not in str(value)
    if is_invalid_url or "SecretStr" in str(field.annotation):
        return HIDDEN
    return _PASSWORD_IN_QUERY.sub(rf"\1{HIDDEN}", _PASSWORD.sub(rf"\1:{HIDDEN}@", str(value)))


def _settings_error(group: type[EnvironmentSettings], given: dict[str, str]) -> str | None:
    try:
        load(group, **given)
    except StartError as error:
        return str(error)
    return None
