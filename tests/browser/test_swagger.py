"""Swagger UI as a newcomer uses it."""

import json
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from server.libraries.common.paths import OPENAPI
from tests.support.stack import Stack

from .conftest import Watch

pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="session")]


async def operation(page: Page, verb: str, path: str) -> Locator:
    """Open an operation."""
    name = page.locator(f'[data-path="{path}"]')
    found = page.locator(f".opblock-{verb}").filter(has=name)
    await found.locator(".opblock-summary-control").click()
    return found


async def executed(page: Page, verb: str, path: str, body: dict[str, Any]) -> tuple[str, Any]:
    """Execute an operation, and return the status and body of the response."""
    found = await operation(page, verb, path)
    await found.locator("textarea.body-param__text").fill(json.dumps(body))
    await found.get_by_role("button", name="Execute").click()
    answer = found.locator(".live-responses-table tbody tr").first
    status = await answer.locator(".response-col_status").inner_text()
    text = await answer.locator(".response-col_description pre").first.inner_text()
    return status.split()[0], json.loads(text)


async def test_registers_and_adds_first_workout(
    context: BrowserContext, watch: Watch, stack: Stack
) -> None:
    page = await context.new_page()
    await page.goto(f"{stack.url}/docs")
    account = {"username": f"swagger-{uuid4().hex}", "password": "correct horse battery"}
    status, _ = await executed(page, "post", "/v2/auth/register", account)
    assert status == "200"
    status, tokens = await executed(page, "post", "/v2/auth/login", account)
    assert status == "200"

    await page.locator(".auth-wrapper").get_by_role("button", name="Authorize").click()
    dialog = page.locator(".dialog-ux")
    token = page.get_by_label("auth-bearer-value")
    bearer_form = dialog.locator(".auth-container").filter(has=token)
    await bearer_form.locator(token).fill(tokens["access_token"])
    await bearer_form.get_by_role("button", name="Apply credentials").click()
    await dialog.get_by_role("button", name="Close").first.click()
    workout = {"date": "2026-02-07", "type": "Running", "duration": 30, "notes": "Easy pace"}
    status, created = await executed(page, "post", "/v2/workouts", workout)
    assert (status, created["type"]) == ("200", "Running")

    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    async with httpx2.AsyncClient(base_url=stack.url, verify=False) as client:
        listed = (await client.get("/workouts", headers=bearer)).json()
    assert [workout["id"] for workout in listed["workouts"]] == [created["id"]]
    assert watch.complaints == []
    assert watch.elsewhere(stack.url) == []
    # The token exists only in the page's memory.
    assert await page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


async def test_shows_each_operation_once(
    context: BrowserContext, stack: Stack, operations: list[tuple[str, str]]
) -> None:
    page = await context.new_page()
    await page.goto(f"{stack.url}/docs")
    await expect(page.locator(".opblock")).to_have_count(len(operations))
    shown = await page.locator(".opblock").evaluate_all(
        "all => all.map(one => [one.querySelector('.opblock-summary-method').textContent, "
        "one.querySelector('[data-path]').dataset.path])"
    )
    assert sorted(map(tuple, shown)) == sorted(operations)


async def test_link_opens_operation(context: BrowserContext, stack: Stack) -> None:
    health = json.loads(OPENAPI.read_text())["paths"]["/v2/health"]["get"]
    page = await context.new_page()
    await page.goto(f"{stack.url}/docs#/{health['tags'][0]}/{health['operationId']}")
    found = page.locator(".opblock.is-open")
    await found.get_by_role("button", name="Execute").click()
    await expect(found.locator(".live-responses-table")).to_contain_text('"status": "ok"')
