"""The settings that are in force, where each comes from, and names that nobody reads.

Nothing here connects to anything, and no secret leaves: what may be shown is decided by the type of
a setting, and passwords in URLs are left out of all.
"""

import asyncio
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from server.errors import StartError
from server.libraries.network.trusted_certificates import trusted_file
from server.libraries.settings import (
    AccessSettings,
    EnvironmentSettings,
    FeatureSettings,
    GatewaySettings,
    LimitSettings,
    LocalSettings,
    PlannerSettings,
    PurchaseSettings,
    Settings,
    TokenSettings,
    load,
)
from server.libraries.settings.files import DotEnv, SecretFiles
from server.programs.diagnostics.liftlog_names import is_liftlogs, name_here

GROUPS: tuple[type[EnvironmentSettings], ...] = (
    Settings,
    FeatureSettings,
    LimitSettings,
    TokenSettings,
    AccessSettings,
    PlannerSettings,
    PurchaseSettings,
    GatewaySettings,
)
# Read elsewhere: by the commands of the diary.
OTHER_NAMES = frozenset({"GYMLOCKER_SESSION"})
PREFIX = "GYMLOCKER_"
# How much alike two names are, of 1, for one to be a slip of the other.
ALIKE = 0.88
HIDDEN = "***"
# Stands for the database that `gymlocker up` makes.
EMBEDDED = "postgresql://"

_PASSWORD = re.compile(r"(?<=://)([^/?#]*?):.*@")
_PASSWORD_IN_QUERY = re.compile(r"(password=)[^&]*", re.IGNORECASE)


@dataclass(frozen=True)
class InForce:
    """A setting as the server would find it. `value` may be shown; None: there is none."""

    name: str
    value: str | None
    source: str


@dataclass(frozen=True)
class Misspelt:
    """A variable that nobody reads, and the setting that may be meant."""

    name: str
    meant: str | None

    def __str__(self) -> str:
        """What to tell people."""
        if is_liftlogs(self.name):
            here = f"here it is {self.meant}" if self.meant else "there is no such setting here"
            return f"{self.name} is set, which is LiftLog's: {here}."
        hint = f" Do you mean {self.meant}?" if self.meant else " `gymlocker config` lists all."
        return f"{self.name} is set, but there is no such setting.{hint}"


def names() -> set[str]:
    """The names of all settings."""
    return {name.upper() for group in GROUPS for name in group.model_fields}


def in_force() -> list[InForce]:
    """All settings, each once, in the order of docs/settings.md."""
    found = {one.name: one for group in GROUPS for one in _in_force(group)}
    return list(found.values())


def faults() -> list[str]:
    """What is wrong with the settings, by group. That `up` makes the database itself is right."""
    embedded = load(LocalSettings).database_url is None
    given = {"database_url": EMBEDDED} if embedded else {}
    return [fault for group in GROUPS if (fault := _fault(group, given))]


def key_fault() -> str | None:
    """What is wrong with the keys of access tokens. That `up` makes one itself is right."""
    from server.services.auth.signing_keys import load_keys

    is_given = load(LocalSettings).jwt_secret_key is not None
    made = {} if is_given else {"jwt_secret_key": secrets.token_hex(32)}
    try:
        load_keys(load(TokenSettings, **made))
    except StartError as error:
        return str(error)
    return None


async def store_fault() -> str | None:
    """What is wrong with the stores: one of which something is missing would refuse buyers."""
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
    """Raises StartError, which says all that is wrong, before anything is started."""
    if found := faults():
        raise StartError("\n".join(found))
    trusted_file()
    wrong = [fault for fault in (key_fault(), asyncio.run(store_fault())) if fault]
    if wrong:
        raise StartError("\n".join(wrong))


def misspelt() -> list[Misspelt]:
    """The variables, of the environment and of `.env`, that look like ours and are not."""
    return list(_misspelt({*os.environ, *_names_in_dotenv()}))


def _misspelt(given: Iterable[str]) -> Iterator[Misspelt]:
    known = names()
    for name in sorted(set(given) - known - OTHER_NAMES):
        if is_liftlogs(name):
            here = name_here(name)
            yield Misspelt(name, here if here in known else None)
            continue
        meant = _meant(name.removeprefix(PREFIX), known)
        # Without the prefix, it may well be another program's.
        if name.startswith(PREFIX) or (meant and name.isupper()):
            yield Misspelt(name, meant)


def _meant(name: str, known: set[str]) -> str | None:
    """The setting that is spelt nearly so, or has all of its words and others: OPENAI_KEY."""
    if alike := get_close_matches(name, known, n=1, cutoff=ALIKE):
        return alike[0]
    words = name.split("_")
    longer = [one for one in known if len(words) > 1 and _has(one.split("_"), words)]
    return min(longer, key=lambda one: (len(one), one), default=None)


def _has(setting: list[str], words: list[str]) -> bool:
    """Whether a setting begins with the first of `words`, and has the others in their order."""
    left = iter(setting)
    return setting[0] == words[0] and all(word in left for word in words)


def _names_in_dotenv() -> set[str]:
    """The names in `.env`, whether they are settings or not."""
    return {name.upper() for name in DotEnv(EnvironmentSettings).env_vars}


def _in_force(group: type[BaseSettings]) -> Iterator[InForce]:
    sources = _sources(group)
    for name, field in group.model_fields.items():
        given = ((source, told[name]) for source, told in sources.items() if name in told)
        source, value = next(given, (_unset(field), _default(field)))
        yield InForce(name.upper(), _shown(name, field, value), source)


def _sources(group: type[BaseSettings]) -> dict[str, dict[str, object]]:
    """What each source tells, the one that wins first."""
    told: dict[str, dict[str, object]] = {
        "environment": EnvSettingsSource(group)(),
        ".env": DotEnv(group)(),
    }
    files = SecretFiles(group)
    # As the library does when it reads all sources in turn.
    files._set_current_state(told[".env"] | told["environment"])  # noqa: SLF001
    return told | {"file": files()}


def _default(field: FieldInfo) -> object:
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _unset(field: FieldInfo) -> str:
    """The source of a setting that is not set, with what that means."""
    extra = field.json_schema_extra
    return f"default: {extra['unset']}" if isinstance(extra, dict) else "default"


def _shown(name: str, field: FieldInfo, value: object) -> str | None:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return None
    # Of what should be a URL and is none, nobody knows where the password stands.
    no_url = name.endswith("database_url") and "://" not in str(value)
    if no_url or "SecretStr" in str(field.annotation):
        return HIDDEN
    return _PASSWORD_IN_QUERY.sub(rf"\1{HIDDEN}", _PASSWORD.sub(rf"\1:{HIDDEN}@", str(value)))


def _fault(group: type[EnvironmentSettings], given: dict[str, str]) -> str | None:
    try:
        load(group, **given)
    except StartError as error:
        return str(error)
    return None
